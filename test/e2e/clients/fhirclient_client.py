"""Drives the unmodified fhirclient (SMART's) against a running server; prints what it saw as JSON."""

import json
import sys

from fhirclient import client
from fhirclient.models import bundle, coding, codeableconcept, fhirdate, fhirreference, humanname, identifier, observation, patient
from fhirclient.server import FHIRNotFoundException

base, cert, key = sys.argv[1:]
smart = client.FHIRClient(settings={"app_id": "portcullis-test", "api_base": base})
smart.server.session.cert = (cert, key)
ready = smart.prepare()
capabilities = smart.server.capabilityStatement

made = patient.Patient()
made.name = [humanname.HumanName({"family": "Smart", "given": ["Ada"]})]
made.identifier = [identifier.Identifier({"system": "urn:smart", "value": "1"})]
made.birthDate = fhirdate.FHIRDate("1985-08-01")
created = made.create(smart.server)
made = patient.Patient.read(created["id"], smart.server)
made.gender = "female"
updated = made.update(smart.server)

pulse = observation.Observation()
pulse.status = "final"
pulse.code = codeableconcept.CodeableConcept()
pulse.code.coding = [coding.Coding({"system": "http://loinc.org", "code": "8867-4"})]
pulse.subject = fhirreference.FHIRReference({"reference": f"Patient/{made.id}"})
pulse.create(smart.server)

found = patient.Patient.where({"family": "smart", "birthdate": "1985-08-01"}).perform_resources(smart.server)
pages = patient.Patient.where({"identifier": "urn:smart|1", "_count": "1"}).perform(smart.server)
seen = observation.Observation.where({"subject": f"Patient/{made.id}"}).include("subject").perform(smart.server)
subject = found[0] if found else None

batch = bundle.Bundle({"type": "batch", "entry": [{"request": {"method": "GET", "url": f"Patient/{made.id}"}}]})
answer = smart.server.post_json("", batch.as_json()).json()

made.delete(smart.server)
gone = None
try:
    patient.Patient.read(made.id, smart.server)
except Exception as error:  # noqa: BLE001 -- which one is what we want to see
    gone = getattr(getattr(error, "response", None), "status_code", type(error).__name__)
missing = False
try:
    patient.Patient.read("never-was", smart.server)
except FHIRNotFoundException:
    missing = True

print(
    json.dumps(
        {
            "ready": ready,
            "version": capabilities.fhirVersion,
            "version_after_update": updated["meta"]["versionId"],
            "found": [each.id == made.id for each in found],
            "born": subject.birthDate.isostring if subject else None,
            "pages": pages.total,
            "included": sorted(entry.search.mode for entry in seen.entry),
            "batch": answer["entry"][0]["resource"]["id"] == made.id,
            "gone": gone,
            "missing": missing,
        }
    )
)
