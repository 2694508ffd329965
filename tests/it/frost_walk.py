"""Walks a SensorThings service with the client of FROST and prints what it found, as JSON.

Arguments: the service's address, a token, a Datastream's identifier, and the least result that is asked for.
"""
import json
import sys

import frost_sta_client as sta
import requests

address, token, stream_id, least = sys.argv[1:]


class Bearer(sta.AuthHandler):
    """The client gives what this returns to requests as `auth`."""

    def __init__(self):
        super().__init__("token", token)

    def add_auth_header(self):
        def sign(request):
            request.headers["Authorization"] = f"Bearer {token}"
            return request

        return sign


service = sta.SensorThingsService(address, auth_handler=Bearer())


def of(rows):
    return [row.id for row in rows]


things = service.things().query().expand("Datastreams($expand=ObservedProperty;$count=true),Locations").list()
stream = service.datastreams().find(stream_id)
thing = stream.get_thing() if hasattr(stream, "get_thing") else None
observations = stream.get_observations().query().top(7).orderby("phenomenonTime", "ASC").list()
filtered = stream.get_observations().query().filter(f"result ge {least}").count().top(5).list()
newest = service.observations().query().filter(f"Datastream/id eq '{stream_id}'").orderby("phenomenonTime").top(1).list()

print(json.dumps({
    "things": [
        {
            "id": one.id,
            "name": one.name,
            "streams": {row.observed_property.name: row.unit_of_measurement.symbol for row in one.datastreams},
            "place": one.locations.get(0).location["coordinates"],
        }
        for one in things
    ],
    "stream": {"name": stream.name, "unit": stream.unit_of_measurement.symbol},
    "observations": [[one.id, one.phenomenon_time, one.result] for one in observations],
    "filtered": {"count": filtered.count, "results": [one.result for one in filtered]},
    "newest": newest.get(0).result,
    "sensors": of(service.sensors().query().list()),
    "properties": of(service.observed_properties().query().list()),
    "features": of(service.features_of_interest().query().list()),
    "locations": of(service.locations().query().list()),
    "moves": of(service.historical_locations().query().list()),
}))
