"""Reads every CAP message of a folder with somebody else's parser and prints what it found as JSON."""

import json
import pathlib
import sys

import capparser


def word(value):
    return getattr(value[0], "value", value[0])


found = []
for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    alert = capparser.parse(stringXML=path.read_text(encoding="utf-8"))
    found.append({
        "identifier": word(alert.identifier),
        "sent": word(alert.sent),
        "msgType": word(alert.msgType),
        "status": word(alert.status),
        "events": [word(info.event) for info in alert.info[0]],
        "severities": [word(info.severity) for info in alert.info[0]],
    })
json.dump(found, sys.stdout)
