//! New observations over MQTT: what a SensorThings client hears is what it can read.

use serde_json::Value;

use crate::mqtt_client::{Client, V5};
use crate::service::{DEVICE, Province, Service, Wishes};

#[tokio::test]
async fn a_reading_is_told_on_its_datastreams_topic_as_the_reading_side_has_it() {
    let province = Province::Weather { stations: vec!["W-1".to_owned(), "W-2".to_owned()], rules: String::new() };
    let mut service = Service::start(&Wishes { province, config: String::new() }).await;
    service.change_config("[\"saola/v1/alerts/#\"]", "[\"saola/v1/alerts/#\", \"v1.1/#\"]");
    service.kill();
    service.start_again().await;
    let login = Some((DEVICE.0, DEVICE.1.as_bytes()));
    let mut device = Client::open(service.mqtt, V5).await;
    assert_eq!(device.hello("device", login).await.reason(), 0);
    let mut listener = Client::open(service.mqtt, V5).await;
    assert_eq!(listener.hello("listener", login).await.reason(), 0);
    assert_eq!(listener.subscribe("v1.1/Datastreams('W-1:air_temperature')/Observations", 0).await, 0);
    let mut all = Client::open(service.mqtt, V5).await;
    assert_eq!(all.hello("all", login).await.reason(), 0);
    assert_eq!(all.subscribe("v1.1/+/Observations", 0).await, 0);

    device.publish("saola/v1/W-2", 2, br#"{"air_temperature": 25.5}"#).await;
    assert_eq!(device.pubacks(1).await, [2]);
    let (topic, _, _) = all.next().await.message(V5);
    assert_eq!(topic, "v1.1/Datastreams('W-2:air_temperature')/Observations");
    device.publish("saola/v1/W-1", 3, br#"{"air_temperature": 21.5}"#).await;
    assert_eq!(device.pubacks(1).await, [3]);
    for client in [&mut listener, &mut all] {
        let (topic, _, payload) = client.next().await.message(V5);
        assert_eq!(topic, "v1.1/Datastreams('W-1:air_temperature')/Observations");
        let told: Value = serde_json::from_slice(&payload).unwrap();
        assert_eq!(told["result"], 21.5);
        let link = told["@iot.selfLink"].as_str().unwrap();
        service.ledger_of("edge", 2).await;
        let mut read = service.get(link).await;
        // A request says what the service is called, a publisher does not know.
        let text = read.to_string().replace(&format!("http://{}", service.http), "");
        read = serde_json::from_str(&text).unwrap();
        assert_eq!(told, read);
    }
    listener.nothing().await;
}
