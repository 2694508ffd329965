"""Reads a DCAT catalogue with somebody else's JSON-LD parser and prints what a portal would collect, as JSON."""

import json
import sys

import rdflib
from rdflib.namespace import DCAT, DCTERMS, FOAF, RDF

graph = rdflib.Graph().parse(sys.argv[1], format="json-ld")


def texts(subject, predicate):
    return {text.language: str(text) for text in graph.objects(subject, predicate)}


(catalog,) = graph.subjects(RDF.type, DCAT.Catalog)
datasets = []
for dataset in graph.objects(catalog, DCAT.dataset):
    assert (dataset, RDF.type, DCAT.Dataset) in graph, dataset
    distributions = list(graph.objects(dataset, DCAT.distribution))
    assert all((one, RDF.type, DCAT.Distribution) in graph for one in distributions), distributions
    box = graph.value(dataset, DCTERMS.spatial)
    datasets.append({
        "identifier": str(graph.value(dataset, DCTERMS.identifier)),
        "title": texts(dataset, DCTERMS.title),
        "description": texts(dataset, DCTERMS.description),
        "theme": str(graph.value(dataset, DCAT.theme)),
        "bbox": str(graph.value(box, DCAT.bbox)) if box else None,
        "downloads": sorted(str(graph.value(one, DCAT.downloadURL)) for one in distributions),
        "media": sorted(str(graph.value(one, DCAT.mediaType)) for one in distributions),
    })
datasets.sort(key=lambda dataset: dataset["identifier"])
publisher = graph.value(catalog, DCTERMS.publisher)
json.dump({
    "title": texts(catalog, DCTERMS.title),
    "publisher": str(graph.value(publisher, FOAF.name)),
    "licence": str(graph.value(catalog, DCTERMS.license)),
    "datasets": datasets,
}, sys.stdout)
