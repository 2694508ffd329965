"""Walks a SensorThings service with aio-sensorthings and prints what it found, as JSON.

Arguments: the service's address without the version, a token, a Datastream's identifier, and the least result that is
asked for. Left out: copying to another service, for which this client wants numbers as identifiers.
"""
import asyncio
import json
import sys

from aiohttp import ClientResponseError
from pydantic import BaseModel

from aio_sensorthings import Datastream, FeatureOfInterest, Location, MappingTransformer, ObservedProperty, Sensor
from aio_sensorthings import STAClient, STAEntityType, STAHttpSource, Thing
from aio_sensorthings.config.schema import MappingDocument
from aio_sensorthings.ports.auth import CredentialHeader
from aio_sensorthings.transforms.mapping import required_expands

address, token, stream_id, least = sys.argv[1:]


class Bearer:
    """What the client asks for its headers."""

    async def create_headers(self):
        return CredentialHeader({"Authorization": f"Bearer {token}"})

    async def close(self):
        pass


class Channel(BaseModel):
    """What the client makes of a Datastream."""

    station: str
    property: str
    unit: str
    place: list[float]


MAPPING = MappingDocument.model_validate({
    "version": 1,
    "DATASTREAM": {
        "channel": {
            "station": "Thing.name",
            "property": "ObservedProperty.name",
            "unit": "unitOfMeasurement.symbol",
            "place": "Thing.Locations[0].location.coordinates",
        },
    },
})


def unnumbered(value):
    """Without identifiers: the client's models take whole numbers alone, and the standard any value."""
    if isinstance(value, list):
        return [unnumbered(one) for one in value]
    if isinstance(value, dict):
        return {name: unnumbered(one) for name, one in value.items() if name != "@iot.id"}
    return value


def read(model, rows):
    """Rows with what the client's own model reads in each; it refuses what lacks a member."""
    return [(row["@iot.id"], model.model_validate(unnumbered(row))) for row in rows]


def ids(model, rows):
    return [id for id, _ in read(model, rows)]


async def refused(client, path, params):
    try:
        await client.get(path, params=params)
    except ClientResponseError as error:
        return error.status
    return None


async def walk(client):
    source, kinds = STAHttpSource(client), STAEntityType
    rows = await source.get_entities(kinds.THING, expand="Locations,Datastreams($expand=ObservedProperty)", top=5)
    streams = {row["@iot.id"]: read(Datastream, row["Datastreams"]) for row in rows}
    things = [
        {
            "id": id,
            "name": thing.name,
            "streams": {stream.observed_property.name: stream.unitOfMeasurement["symbol"] for _, stream in streams[id]},
            "place": thing.locations[0].location["coordinates"],
        }
        for id, thing in read(Thing, rows)
    ]
    air = await source.get_entities(kinds.THING, filter_="properties/kind eq 'air'", top=1)

    expand = required_expands(MAPPING, kinds.DATASTREAM).removeprefix("$expand=")
    mapper = MappingTransformer(MAPPING, {kinds.DATASTREAM: {"channel": Channel}})
    mapped = [
        mapper.map(kinds.DATASTREAM, row)["channel"]
        for row in await source.get_entities(kinds.DATASTREAM, expand=expand, top=20)
    ]
    dust = await source.get_entities(
        kinds.DATASTREAM,
        nav_path="ObservedProperties('pm2_5')/Datastreams",
        expand="Thing($select=name,description),Sensor,ObservedProperty",
    )

    own = f"Datastreams('{stream_id}')/Observations"
    observations = await client.get_all(own, top=7, params={"$orderby": "phenomenonTime desc"})
    where = f"Datastream/@iot.id eq '{stream_id}' and result ge {least}"
    counted = await client.get("Observations", params={
        "$filter": where, "$count": "true", "$top": 5, "$orderby": "phenomenonTime asc", "$select": "result",
    })
    stream = await source.get_entity(
        kinds.DATASTREAM,
        f"'{stream_id}'",
        expand="Thing($select=@iot.id),Observations($orderby=phenomenonTime desc;$top=1;$select=result)",
    )
    return {
        "things": things,
        "air": ids(Thing, air),
        "mapped": [[one.station, one.property, one.unit, one.place] for one in mapped],
        "dust": [stream.thing.name for _, stream in read(Datastream, dust)],
        "observations": [[one["@iot.id"], one["phenomenonTime"], one["result"]] for one in observations],
        "counted": {"count": counted["@iot.count"], "results": [one["result"] for one in counted["value"]]},
        "stream": {
            "unit": stream["unitOfMeasurement"]["symbol"],
            "thing": stream["Thing"]["@iot.id"],
            "newest": [one["result"] for one in stream["Observations"]],
        },
        "sensors": ids(Sensor, await source.get_entities(kinds.SENSOR, top=5)),
        "properties": ids(ObservedProperty, await source.get_entities(kinds.OBSERVED_PROPERTY)),
        "features": ids(FeatureOfInterest, await source.get_entities(kinds.FEATURE_OF_INTEREST)),
        "locations": ids(Location, await source.get_entities(kinds.LOCATION, top=3)),
        "moves": await client.get_all("HistoricalLocations"),
        "refused": [
            await refused(client, "Things('nobody')", {}),
            await refused(client, "Things", {"$filter": "name gt 5"}),
            await refused(client, "Things", {"$search": "x"}),
        ],
    }


async def main():
    async with STAClient(address, auth_provider=Bearer()) as client:
        print(json.dumps(await walk(client)))


asyncio.run(main())
