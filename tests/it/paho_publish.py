"""Publishes readings with Eclipse paho, QoS 1, and waits for every PUBACK: first in MQTT 3.1.1, then in MQTT 5.

Usage: paho_publish.py PORT USER PASSWORD STATION FIRST COUNT, with FIRST in seconds since 1970. Each version sends
COUNT readings, one a second of their own time; the value is (time modulo 1000) / 20.
"""

import json
import sys
import threading

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

SECONDS = 30


def drive(version, port, user, password, station, times):
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"paho-{version}", protocol=version)
    client.username_pw_set(user, password)
    client.max_inflight_messages_set(100)
    connected = threading.Event()

    def on_connect(client, userdata, flags, reason, properties):
        assert not reason.is_failure, reason
        connected.set()

    client.on_connect = on_connect
    client.connect("127.0.0.1", port, keepalive=5)
    client.loop_start()
    assert connected.wait(SECONDS), "no CONNACK"
    topic = f"saola/v1/{station}"
    readings = [json.dumps({"time": at, "air_temperature": at % 1000 / 20}) for at in times]
    for message in [client.publish(topic, reading, qos=1) for reading in readings]:
        message.wait_for_publish(SECONDS)
        assert message.is_published(), "no PUBACK"
    client.disconnect()
    client.loop_stop()


port, user, password, station = int(sys.argv[1]), *sys.argv[2:5]
first, count = int(sys.argv[5]), int(sys.argv[6])
drive(mqtt.MQTTv311, port, user, password, station, range(first, first + count))
drive(mqtt.MQTTv5, port, user, password, station, range(first + count, first + 2 * count))
