"""One script of connects, sessions, wills, retained alerts, commands, QoS 0/1/2 and refusals, with Eclipse paho.

Usage: paho_script.py HOST PORT. The account `device` (password `pw`) speaks for TR-1; `other` may do nothing. Whoever
publishes `alert` or `command` to saola/v1/TR-1/ask has the test publish one. Exits with 0 when all of it worked in MQTT
3.1.1 and 5.
"""

import queue
import sys
import threading

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

HOST, PORT = sys.argv[1], int(sys.argv[2])
ALERT, COMMAND = "saola/v1/alerts/đồi/high", "saola/v1/TR-1/commands"
SECONDS = 20


class Device:
    """A client that remembers what happened to it."""

    def __init__(self, version, name, account="device", password="pw", session=False, will=None):
        clean = {} if version == mqtt.MQTTv5 else {"clean_session": not session}
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=version, **clean)
        self.version, self.session = version, session
        self.heard, self.acks, self.gone = queue.Queue(), queue.Queue(), threading.Event()
        self.connacks, self.subacks = queue.Queue(), queue.Queue()
        self.client.username_pw_set(account, password)
        if will:
            self.client.will_set(*will, qos=2)
        self.client.on_connect = lambda c, u, flags, reason, p: self.connacks.put((flags.session_present, reason))
        self.client.on_subscribe = lambda c, u, mid, reasons, p: self.subacks.put([reason.value for reason in reasons])
        self.client.on_message = lambda c, u, m: self.heard.put((m.topic, m.payload.decode(), m.qos, m.retain))
        self.client.on_publish = lambda c, u, mid, reason, p: self.acks.put(reason.value)
        self.client.on_disconnect = lambda *_: self.gone.set()

    def connect(self):
        if self.version == mqtt.MQTTv5:
            properties = Properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = 3600 if self.session else 0
            self.client.connect(HOST, PORT, clean_start=not self.session, properties=properties)
        else:
            self.client.connect(HOST, PORT)
        self.client.loop_start()
        return self.connacks.get(timeout=SECONDS)

    def subscribe(self, topic, qos):
        self.client.subscribe(topic, qos)
        return self.subacks.get(timeout=SECONDS)

    def leave(self):
        self.client.disconnect()
        assert self.gone.wait(SECONDS), "no end"
        self.client.loop_stop()

    def vanish(self):
        """Goes without a DISCONNECT."""
        self.client.loop_stop()
        self.client._sock_close()


def drive(version):
    name = f"paho-{version}"
    is_new = version == mqtt.MQTTv5

    wrong = Device(version, f"{name}-wrong", password="wrong")
    wrong.client.reconnect_delay_set(60, 60)
    _, reason = wrong.connect()
    assert reason.is_failure and reason.value in (0x86, 0x80, 5, 4), reason
    wrong.client.loop_stop()

    device = Device(version, f"{name}-a")
    present, reason = device.connect()
    assert not present and not reason.is_failure, reason
    for qos in (0, 1, 2):
        sent = [device.client.publish(f"saola/v1/TR-1/qos{qos}", f"{name}-{n}", qos) for n in range(50)]
        for message in sent:
            message.wait_for_publish(SECONDS)
            assert message.is_published(), f"QoS {qos}"
    assert device.subscribe(ALERT, 2) == [1], "QoS 2 is granted as 1"
    assert device.heard.get(timeout=SECONDS) == (ALERT, "cháy rừng", 1, True)
    assert device.subscribe("saola/v1/TR-2/commands", 1)[0] >= 0x80, "another station's commands"
    assert device.subscribe(COMMAND, 1) == [1]
    device.client.publish("saola/v1/TR-1/ask", "command", 1)
    assert device.heard.get(timeout=SECONDS) == (COMMAND, "asked", 1, False)
    if is_new:
        while not device.acks.empty():
            device.acks.get()
        device.client.publish("saola/v1/TR-2", "forbidden", 1)
        assert device.acks.get(timeout=SECONDS) == 0x87
    thief = Device(version, f"{name}-a", account="other")
    thief.client.reconnect_delay_set(60, 60)
    assert thief.connect()[1].is_failure, "another account's client identifier"
    thief.client.loop_stop()
    newer = Device(version, f"{name}-a")
    device.client.reconnect_delay_set(60, 60)
    assert not newer.connect()[1].is_failure
    assert device.gone.wait(SECONDS), "taken over"
    device.client.loop_stop()

    sleeper = Device(version, f"{name}-s", session=True)
    assert not sleeper.connect()[0]
    assert sleeper.subscribe("saola/v1/alerts/+/+", 1) == [1]
    assert sleeper.heard.get(timeout=SECONDS)[3], "retained"
    assert sleeper.subscribe(COMMAND, 1) == [1]
    sleeper.leave()
    for what in ("alert", "command"):
        newer.client.publish("saola/v1/TR-1/ask", what, 2).wait_for_publish(SECONDS)
    sleeper = Device(version, f"{name}-s", session=True)
    heard = []
    present, _ = sleeper.connect()
    assert present, "the session is there"
    while len(heard) < 2:
        heard.append(sleeper.heard.get(timeout=SECONDS)[:2])
    assert sorted(heard) == sorted([(ALERT, "asked"), (COMMAND, "asked")]), heard
    sleeper.leave()
    again = Device(version, f"{name}-s")
    assert not again.connect()[0], "a clean start ends the session"
    again.leave()

    mortal = Device(version, f"{name}-w", will=("saola/v1/TR-1/status", f"{name} gone"))
    assert not mortal.connect()[1].is_failure
    mortal.vanish()
    forger = Device(version, f"{name}-f", will=(ALERT, "forged"))
    forger.client.reconnect_delay_set(60, 60)
    assert forger.connect()[1].is_failure, "a will that may not be published"
    forger.client.loop_stop()
    newer.leave()


for version in (mqtt.MQTTv311, mqtt.MQTTv5):
    drive(version)
print("both versions worked")
