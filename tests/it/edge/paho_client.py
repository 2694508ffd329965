"""Drives the MQTT edge with Eclipse paho: publishes with QoS 0 and 1, waits for every PUBACK, hears a retained alert.

Usage: paho_client.py HOST PORT. Exits with 0 when all of it worked in MQTT 3.1.1 and 5.
"""

import sys
import threading

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

TOPIC = "saola/v1/đồi-1"
ALERT = "saola/v1/alerts/đồi/high"
SECONDS = 20


def drive(host, port, version):
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"paho-{version}", protocol=version)
    client.max_inflight_messages_set(100)
    connected, granted, heard = threading.Event(), threading.Event(), threading.Event()
    alerts = []

    def on_connect(client, userdata, flags, reason, properties):
        assert not reason.is_failure, reason
        assert not flags.session_present
        connected.set()

    def on_subscribe(client, userdata, mid, reasons, properties):
        assert [reason.value for reason in reasons] == [1], reasons
        granted.set()

    def on_message(client, userdata, message):
        alerts.append((message.topic, message.payload.decode(), message.qos, message.retain))
        heard.set()

    client.on_connect, client.on_subscribe, client.on_message = on_connect, on_subscribe, on_message
    client.connect(host, port, keepalive=5)
    client.loop_start()
    assert connected.wait(SECONDS), "no CONNACK"
    client.subscribe(ALERT, qos=1)
    assert granted.wait(SECONDS), "no SUBACK"
    assert heard.wait(SECONDS), "no retained alert"
    assert alerts == [(ALERT, "cháy rừng", 1, True)], alerts
    sent = [client.publish(TOPIC, f'{{"pm10": {n}}}', qos=1) for n in range(500)]
    for message in sent:
        message.wait_for_publish(SECONDS)
        assert message.is_published(), "no PUBACK"
    for n in range(50):
        client.publish(TOPIC, f'{{"pm10": {n}}}', qos=0).wait_for_publish(SECONDS)
    client.disconnect()
    client.loop_stop()


for version in (mqtt.MQTTv311, mqtt.MQTTv5):
    drive(sys.argv[1], int(sys.argv[2]), version)
print("both versions worked")
