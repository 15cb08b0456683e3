"""Drives the unmodified fhirpy against a running server; prints what it saw as JSON."""

import json
import sys

from fhirpy import SyncFHIRClient
from fhirpy.base.exceptions import OperationOutcome, ResourceNotFound

base, ca, cert, key = sys.argv[1:]
client = SyncFHIRClient(base, requests_config={"verify": ca, "cert": (cert, key)})

patient = client.resource("Patient", name=[{"family": "Python", "given": ["Monty"]}], birthDate="1969-10-05")
patient.save()
observation = client.resource(
    "Observation",
    status="final",
    code={"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
    subject=patient.to_reference(),
)
observation.save()
patient["gender"] = "male"
patient.save()

found = client.resources("Patient").search(family="python", birthdate__ge="1969").fetch_all()
included = client.resources("Observation").search(code="8867-4").include("Observation", "subject").fetch_raw()
count = client.resources("Patient").search(family="python").count()
read_again = client.reference("Patient", patient["id"]).to_resource()
refused = None
try:
    client.resource("Patient", gender="nobody").save()
except OperationOutcome as error:
    refused = error.resource["issue"][0]["code"]
patient.delete()
gone = False
try:
    client.reference("Patient", patient["id"]).to_resource()
except (OperationOutcome, ResourceNotFound):
    gone = True

print(
    json.dumps(
        {
            "found": [each["id"] == patient["id"] for each in found],
            "included": sorted(entry["search"]["mode"] for entry in included["entry"]),
            "count": count,
            "gender": read_again["gender"],
            "refused": refused,
            "gone": gone,
        }
    )
)
