//! `saola check --influx`: is it there, is it an InfluxDB 2, does the token do, is there the bucket?
//!
//! Nothing is written: that writing is allowed shows in how an empty write is refused. InfluxDB looks at the token and
//! the bucket first, and at the points last.

use influxdb2::api::buckets::ListBucketsRequest;
use influxdb2::api::organization::ListOrganizationRequest;
use influxdb2::models::PostBucketRequest;

use super::config::Config;
use super::error::InfluxError;
use super::flux;
use super::transport::{Failure, Transport};

/// How an InfluxDB stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setup {
    /// The bucket is there, and the token may read and write it.
    Ready,
    /// The token is good, and sees no such bucket.
    NoBucket,
}

/// Looks whether history could be kept there.
///
/// # Errors
/// What stands in the way, and how to mend it.
pub fn examine(config: &Config) -> Result<Setup, InfluxError> {
    let transport = Transport::new(config)?;
    if !has_bucket(&transport)? {
        return Ok(Setup::NoBucket);
    }
    match transport.write(Vec::new()) {
        // "writing requires points": everything before that was found good.
        Ok(()) | Err(Failure { status: 400, .. }) => {}
        Err(failure) => return Err(failure.error(std::time::Duration::ZERO)),
    }
    transport.ask(flux::nothing(transport.bucket())).map_err(told)?;
    Ok(Setup::Ready)
}

/// Makes the bucket, without an end to what it keeps.
///
/// # Errors
/// What stands in the way, and how to mend it.
pub fn create_bucket(config: &Config) -> Result<(), InfluxError> {
    let transport = Transport::new(config)?;
    let request = ListOrganizationRequest { org: Some(transport.org().to_owned()), ..Default::default() };
    let found = transport.call(|client| async move { client.list_organizations(request).await }).map_err(told)?;
    let org = found.orgs.into_iter().find(|org| org.name == transport.org()).and_then(|org| org.id);
    let missing = || InfluxError::Missing { told: format!("no organisation is called {}", transport.org()) };
    let request = PostBucketRequest::new(org.ok_or_else(missing)?, transport.bucket().to_owned());
    transport.call(|client| async move { client.create_bucket(Some(request)).await }).map_err(told)
}

fn has_bucket(transport: &Transport) -> Result<bool, InfluxError> {
    let request = ListBucketsRequest {
        name: Some(transport.bucket().to_owned()),
        org: Some(transport.org().to_owned()),
        ..Default::default()
    };
    match transport.call(|client| async move { client.list_buckets(Some(request)).await }) {
        Ok(found) => Ok(found.buckets.iter().any(|bucket| bucket.name == transport.bucket())),
        // That is how InfluxDB says that it has no bucket of a name, and that it has no such organisation.
        Err(Failure { status: 404, text, .. }) if text.contains("bucket") => Ok(false),
        Err(failure) => Err(told(failure)),
    }
}

fn told(failure: Failure) -> InfluxError {
    failure.error(std::time::Duration::ZERO)
}
