//! Client certificates: which names a certificate speaks for.
//!
//! The chain was checked by the handshake, against the configured authorities and the certificate's dates. The names
//! are the subject's common names and the DNS names among its alternatives, in this order; the first one that is an
//! account is who it is. Left out on purpose: lists of revoked certificates. A device is shut out by revoking its
//! account, which ends its connections too.

use rustls_pki_types::CertificateDer;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Names looked at, at most.
const NAMES_MAX: usize = 16;

/// The names in a certificate; none when it cannot be read.
pub(super) fn names(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else { return Vec::new() };
    let common = certificate.subject().iter_common_name().filter_map(|name| name.as_str().ok().map(str::to_owned));
    let alternatives = certificate.subject_alternative_name().ok().flatten();
    let others = alternatives.iter().flat_map(|names| names.value.general_names.iter()).filter_map(|name| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        _ => None,
    });
    common.chain(others).take(NAMES_MAX).collect()
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair};

    use super::*;

    fn check(common: &str, alternatives: &[&str], expected: &[&str]) {
        let alternatives: Vec<String> = alternatives.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(alternatives).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, common);
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        assert_eq!(names(certificate.der()), expected);
    }

    #[test]
    fn the_common_name_comes_before_the_alternatives() {
        check("logger-1", &["logger-2.example", "logger-3"], &["logger-1", "logger-2.example", "logger-3"]);
        check("trạm đồi", &[], &["trạm đồi"]);
        assert!(names(&CertificateDer::from(vec![0x30, 0x03, 1, 2, 3])).is_empty());
    }
}
