package portcullis;

import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.rest.api.MethodOutcome;
import ca.uhn.fhir.rest.api.SummaryEnum;
import ca.uhn.fhir.rest.client.api.IGenericClient;
import ca.uhn.fhir.rest.client.api.ServerValidationModeEnum;
import ca.uhn.fhir.rest.gclient.ReferenceClientParam;
import ca.uhn.fhir.rest.gclient.StringClientParam;
import ca.uhn.fhir.rest.gclient.TokenClientParam;
import ca.uhn.fhir.rest.server.exceptions.BaseServerResponseException;
import java.io.FileInputStream;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.UUID;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.apache.http.impl.client.HttpClients;
import org.hl7.fhir.instance.model.api.IBaseBundle;
import org.hl7.fhir.r4.model.Bundle;
import org.hl7.fhir.r4.model.CapabilityStatement;
import org.hl7.fhir.r4.model.CodeableConcept;
import org.hl7.fhir.r4.model.CodeType;
import org.hl7.fhir.r4.model.Coding;
import org.hl7.fhir.r4.model.Enumerations.AdministrativeGender;
import org.hl7.fhir.r4.model.IdType;
import org.hl7.fhir.r4.model.Observation;
import org.hl7.fhir.r4.model.OperationOutcome;
import org.hl7.fhir.r4.model.Parameters;
import org.hl7.fhir.r4.model.Patient;
import org.hl7.fhir.r4.model.Reference;
import org.hl7.fhir.r4.model.StringType;

/** Drives the unmodified HAPI client against a server; a line for each step: ok or FAIL, its name, what went wrong. */
public final class HapiClient {
  private static final String SYSTEM = "urn:hapi";
  private static final String FAMILY = "Hapi" + UUID.randomUUID().toString().substring(0, 8);

  private interface Step {
    void run() throws Exception;
  }

  private static boolean failed = false;

  private static void step(String name, Step step) {
    try {
      step.run();
      System.out.println("ok\t" + name);
    } catch (Throwable error) {
      failed = true;
      String said = String.valueOf(error.getMessage()).replaceAll("\\s+", " ");
      System.out.println("FAIL\t" + name + "\t" + error.getClass().getSimpleName() + ": " + said);
    }
  }

  private static void check(boolean isRight, String what) {
    if (!isRight) throw new IllegalStateException(what);
  }

  private static SSLContext tls(String caFile, String keyStoreFile) throws Exception {
    KeyStore trusted = KeyStore.getInstance(KeyStore.getDefaultType());
    trusted.load(null, null);
    try (FileInputStream in = new FileInputStream(caFile)) {
      trusted.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(in));
    }
    TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(trusted);
    KeyStore own = KeyStore.getInstance("PKCS12");
    try (FileInputStream in = new FileInputStream(keyStoreFile)) {
      own.load(in, "portcullis".toCharArray());
    }
    KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    keys.init(own, "portcullis".toCharArray());
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
    return context;
  }

  private static Patient patient(String value) {
    Patient patient = new Patient();
    patient.addIdentifier().setSystem(SYSTEM).setValue(value);
    patient.addName().setFamily(FAMILY).addGiven(value);
    return patient;
  }

  public static void main(String[] arguments) throws Exception {
    FhirContext context = FhirContext.forR4();
    context.getRestfulClientFactory().setHttpClient(HttpClients.custom().setSSLContext(tls(arguments[1], arguments[2])).build());
    // Its own look at /metadata before the first request stays on.
    context.getRestfulClientFactory().setServerValidationMode(ServerValidationModeEnum.ONCE);
    IGenericClient client = context.newRestfulGenericClient(arguments[0]);
    String one = "one-" + FAMILY;
    IdType[] id = new IdType[1];

    step("capabilities", () -> {
      CapabilityStatement capabilities = client.capabilities().ofType(CapabilityStatement.class).execute();
      check("4.0.1".equals(capabilities.getFhirVersion().toCode()), "fhirVersion " + capabilities.getFhirVersion());
    });
    step("create", () -> {
      MethodOutcome outcome = client.create().resource(patient(one)).execute();
      check(Boolean.TRUE.equals(outcome.getCreated()), "not created");
      id[0] = (IdType) outcome.getId();
      check(id[0].hasVersionIdPart(), "the id has no version");
    });
    step("conditional create finds what is there", () -> {
      MethodOutcome outcome = client.create().resource(patient(one)).conditional()
          .where(Patient.IDENTIFIER.exactly().systemAndIdentifier(SYSTEM, one)).execute();
      check(!Boolean.TRUE.equals(outcome.getCreated()), "created again");
      check(outcome.getId() != null && id[0].getIdPart().equals(outcome.getId().getIdPart()), "another id: " + outcome.getId());
    });
    step("read and vread", () -> {
      Patient read = client.read().resource(Patient.class).withId(id[0].getIdPart()).execute();
      check(FAMILY.equals(read.getNameFirstRep().getFamily()), "another name");
      Patient version = client.read().resource(Patient.class).withIdAndVersion(id[0].getIdPart(), "1").execute();
      check("1".equals(version.getMeta().getVersionId()), "version " + version.getMeta().getVersionId());
    });
    step("update, with the If-Match that it sends by itself", () -> {
      Patient read = client.read().resource(Patient.class).withId(id[0].getIdPart()).execute();
      read.setGender(AdministrativeGender.FEMALE);
      MethodOutcome outcome = client.update().resource(read).execute();
      check("2".equals(outcome.getId().getVersionIdPart()), "version " + outcome.getId().getVersionIdPart());
    });
    step("conditional update", () -> {
      Patient changed = patient(one);
      changed.setActive(true);
      MethodOutcome outcome = client.update().resource(changed).conditional()
          .where(Patient.IDENTIFIER.exactly().systemAndIdentifier(SYSTEM, one)).execute();
      check(id[0].getIdPart().equals(outcome.getId().getIdPart()), "another id: " + outcome.getId());
    });
    step("transaction", () -> {
      Bundle bundle = new Bundle();
      bundle.setType(Bundle.BundleType.TRANSACTION);
      String urn = "urn:uuid:" + UUID.randomUUID();
      bundle.addEntry().setFullUrl(urn).setResource(patient("two")).getRequest().setMethod(Bundle.HTTPVerb.POST).setUrl("Patient");
      for (int i = 0; i < 3; i++) {
        Observation observation = new Observation();
        observation.setStatus(Observation.ObservationStatus.FINAL);
        observation.setCode(new CodeableConcept().addCoding(new Coding("http://loinc.org", "8867-4", "Heart rate")));
        observation.setSubject(new Reference(urn));
        bundle.addEntry().setResource(observation).getRequest().setMethod(Bundle.HTTPVerb.POST).setUrl("Observation");
      }
      Bundle answer = client.transaction().withBundle(bundle).execute();
      check(answer.getEntry().size() == 4, answer.getEntry().size() + " entries");
    });
    step("search by a chain, with _include", () -> {
      Bundle found = client.search().forResource(Observation.class)
          .where(new ReferenceClientParam("patient").hasChainedProperty(new StringClientParam("family").matches().value(FAMILY)))
          .and(new TokenClientParam("code").exactly().systemAndCode("http://loinc.org", "8867-4"))
          .include(Observation.INCLUDE_SUBJECT).returnBundle(Bundle.class).execute();
      long patients = found.getEntry().stream().filter(entry -> entry.getResource() instanceof Patient).count();
      check(found.getEntry().size() == 4 && patients == 1, found.getEntry().size() + " entries, " + patients + " patients");
    });
    step("search with _revinclude", () -> {
      Bundle found = client.search().forResource(Patient.class).where(Patient.GIVEN.matches().value("two")).and(Patient.FAMILY.matches().value(FAMILY))
          .revInclude(Observation.INCLUDE_SUBJECT).returnBundle(Bundle.class).execute();
      check(found.getEntry().size() == 4, found.getEntry().size() + " entries");
    });
    step("search by POST, sorted, with a summary", () -> {
      Bundle found = client.search().forResource(Patient.class).where(Patient.FAMILY.matches().value(FAMILY)).sort().descending(Patient.FAMILY)
          .summaryMode(SummaryEnum.TRUE).usingStyle(ca.uhn.fhir.rest.api.SearchStyleEnum.POST).returnBundle(Bundle.class).execute();
      check(found.getEntry().size() == 2, found.getEntry().size() + " entries");
    });
    step("search with _elements", () -> {
      Bundle found = client.search().forResource(Patient.class).where(Patient.FAMILY.matches().value(FAMILY)).elementsSubset("gender")
          .returnBundle(Bundle.class).execute();
      check(found.getEntry().size() == 2, found.getEntry().size() + " entries");
    });
    step("paging", () -> {
      Bundle page = client.search().forResource(Observation.class)
          .where(new ReferenceClientParam("patient").hasChainedProperty(new StringClientParam("family").matches().value(FAMILY)))
          .count(2).returnBundle(Bundle.class).execute();
      int seen = page.getEntry().size();
      while (page.getLink(IBaseBundle.LINK_NEXT) != null) {
        page = client.loadPage().next(page).execute();
        seen += page.getEntry().size();
      }
      check(seen == 3, seen + " entries");
    });
    step("patch with JSON Patch", () -> {
      MethodOutcome outcome = client.patch().withBody("[{\"op\":\"add\",\"path\":\"/birthDate\",\"value\":\"1970-01-01\"}]").withId(id[0].toUnqualifiedVersionless()).execute();
      check(outcome.getId() != null, "no id");
    });
    step("patch with FHIRPath Patch", () -> {
      Parameters patch = new Parameters();
      Parameters.ParametersParameterComponent operation = patch.addParameter().setName("operation");
      operation.addPart().setName("type").setValue(new CodeType("replace"));
      operation.addPart().setName("path").setValue(new StringType("Patient.birthDate"));
      operation.addPart().setName("value").setValue(new org.hl7.fhir.r4.model.DateType("1980-01-01"));
      client.patch().withFhirPatch(patch).withId(id[0].toUnqualifiedVersionless()).execute();
      Patient read = client.read().resource(Patient.class).withId(id[0].getIdPart()).execute();
      check("1980-01-01".equals(read.getBirthDateElement().getValueAsString()), "birthDate " + read.getBirthDateElement().getValueAsString());
    });
    step("history", () -> {
      Bundle history = client.history().onInstance(id[0].toUnqualifiedVersionless()).returnBundle(Bundle.class).execute();
      check(history.getEntry().size() >= 3, history.getEntry().size() + " entries");
      check(client.history().onServer().returnBundle(Bundle.class).count(2).execute().getEntry().size() == 2, "not 2 entries of the server");
    });
    step("$validate", () -> {
      MethodOutcome outcome = client.validate().resource(patient("three")).execute();
      check(outcome.getOperationOutcome() instanceof OperationOutcome, "no OperationOutcome");
    });
    step("Patient/$everything", () -> {
      Bundle all = client.operation().onInstance(id[0].toUnqualifiedVersionless()).named("$everything").withNoParameters(Parameters.class)
          .useHttpGet().returnResourceType(Bundle.class).execute();
      check(!all.getEntry().isEmpty(), "nothing");
    });
    step("XML", () -> {
      Patient read = client.read().resource(Patient.class).withId(id[0].getIdPart()).encodedXml().execute();
      check(FAMILY.equals(read.getNameFirstRep().getFamily()), "another name");
    });
    step("a refusal is its own exception, with the OperationOutcome", () -> {
      try {
        client.read().resource(Patient.class).withId("never-was").execute();
        check(false, "no refusal");
      } catch (BaseServerResponseException error) {
        check(error.getStatusCode() == 404 && error.getOperationOutcome() != null, "status " + error.getStatusCode());
      }
    });
    step("conditional delete, and delete", () -> {
      client.delete().resourceConditionalByType(Patient.class).where(Patient.IDENTIFIER.exactly().systemAndIdentifier(SYSTEM, "two")).execute();
      client.delete().resourceById(id[0].toUnqualifiedVersionless()).execute();
      try {
        client.read().resource(Patient.class).withId(id[0].getIdPart()).execute();
        check(false, "still there");
      } catch (BaseServerResponseException error) {
        check(error.getStatusCode() == 410, "status " + error.getStatusCode());
      }
    });
    System.exit(failed ? 1 : 0);
  }
}
