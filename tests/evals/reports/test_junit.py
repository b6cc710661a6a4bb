"""A run as JUnit XML."""

from xml.etree import ElementTree as ET

from lxml import etree

from pilothouse.cases import Case, Outcome
from pilothouse.evals.reports.gates import check
from pilothouse.evals.reports.junit import junit
from pilothouse.evals.reports.summary import summarise
from pilothouse.evals.reports.told import Facts, Told
from tests.evals.reports.conftest import Make

RUN = Facts(id="0192", name="support", suite="support", subject="model default", created_us=1_700_000_000_000_000)

SCHEMA = """
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
  <xs:simpleType name="name"><xs:restriction base="xs:token"><xs:minLength value="1"/></xs:restriction></xs:simpleType>
  <xs:simpleType name="when"><xs:restriction base="xs:dateTime">
    <xs:pattern value="\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d"/></xs:restriction></xs:simpleType>
  <xs:complexType name="outcome"><xs:simpleContent><xs:extension base="xs:string">
    <xs:attribute name="type" type="xs:string" use="required"/><xs:attribute name="message" type="xs:string"/>
  </xs:extension></xs:simpleContent></xs:complexType>
  <xs:element name="testsuites"><xs:complexType><xs:sequence>
    <xs:element name="testsuite" maxOccurs="unbounded"><xs:complexType><xs:sequence>
      <xs:element name="properties"><xs:complexType><xs:sequence>
        <xs:element name="property" minOccurs="0" maxOccurs="unbounded"><xs:complexType>
          <xs:attribute name="name" type="name" use="required"/><xs:attribute name="value" use="required"/>
        </xs:complexType></xs:element></xs:sequence></xs:complexType></xs:element>
      <xs:element name="testcase" minOccurs="0" maxOccurs="unbounded"><xs:complexType>
        <xs:choice minOccurs="0">
          <xs:element name="skipped"><xs:complexType><xs:attribute name="message"/></xs:complexType></xs:element>
          <xs:element name="error" type="outcome"/><xs:element name="failure" type="outcome"/>
        </xs:choice>
        <xs:attribute name="name" type="name" use="required"/>
        <xs:attribute name="classname" type="name" use="required"/>
        <xs:attribute name="time" type="xs:decimal" use="required"/>
      </xs:complexType></xs:element>
      <xs:element name="system-out" type="xs:string"/><xs:element name="system-err" type="xs:string"/>
    </xs:sequence>
    <xs:attribute name="name" type="name" use="required"/><xs:attribute name="package" type="name" use="required"/>
    <xs:attribute name="id" type="xs:int" use="required"/><xs:attribute name="timestamp" type="when" use="required"/>
    <xs:attribute name="hostname" type="name" use="required"/><xs:attribute name="tests" type="xs:int" use="required"/>
    <xs:attribute name="failures" type="xs:int" use="required"/>
    <xs:attribute name="errors" type="xs:int" use="required"/><xs:attribute name="skipped" type="xs:int"/>
    <xs:attribute name="time" type="xs:decimal" use="required"/>
    </xs:complexType></xs:element>
  </xs:sequence></xs:complexType></xs:element>
</xs:schema>
"""


def valid(told: Told, outcomes: list[Outcome]) -> ET.Element:
    text = junit(told, outcomes)
    etree.XMLSchema(etree.fromstring(SCHEMA)).assertValid(etree.fromstring(text.encode()))
    return ET.fromstring(text)


def test_a_test_for_each_case_and_a_suite_of_gates(make: Make) -> None:
    outcomes = [
        *make("exact", [True, False, None, "skip", 0.5], latency_s=1.5),
        Outcome(case=Case(id="broken", input="q"), error="The model timed out."),
        Outcome(case=Case(id="unjudged", input="q")),
    ]
    summary = summarise(outcomes)
    told = Told(run=RUN, summary=summary, gates=tuple(check(["exact < 0.9", "errors > 3"], summary)))
    cases, gates = valid(told, outcomes)
    kinds = {test.get("name"): [(one.tag, one.get("message")) for one in test] for test in cases.iter("testcase")}
    assert kinds == {
        "c0": [], "c1": [("failure", "not passed: exact")], "c2": [("error", "exact: The judge gave no JSON.")],
        "c3": [("skipped", "The case has no context.")], "c4": [], "broken": [("error", "The model timed out.")],
        "unjudged": [("skipped", "no evaluator said anything")],
    }  # fmt: skip
    assert [cases.get(name) for name in ("tests", "failures", "errors", "skipped", "time", "timestamp")] == [
        "7", "1", "2", "2", "7.500", "2023-11-14T22:13:20",
    ]  # fmt: skip
    failure = cases.find(".//failure")
    assert failure is not None
    assert (failure.text or "").splitlines() == [
        "input: question 1", "output: answer False", "exact: not passed 0 it was False",
    ]  # fmt: skip
    assert (gates.get("name"), gates.get("tests"), gates.get("failures")) == ("support.gates", "2", "1")
    assert [test.get("name") for test in gates.iter("testcase")] == ["exact < 0.9", "errors > 3"]


def test_of_several_trials_most_decide(make: Make) -> None:
    outcomes = make("exact", [[True, True, False], [True, False, False]], expected="x", trace_id="t1")
    (suite,) = valid(Told(run=RUN, summary=summarise(outcomes, trials=3)), outcomes)
    assert [[one.tag for one in test] for test in suite.iter("testcase")] == [[], ["failure"]]
    failure = suite.find(".//failure")
    assert failure is not None
    assert "output: answer False" in (failure.text or "")
    assert "expected: x\n" in (failure.text or "")
    assert (failure.text or "").endswith("trace: t1")


def test_hostile_text_is_text(make: Make) -> None:
    hostile = "]]></failure><testcase name='x'/>\x00\x1b\ud800 & \n\t"
    outcomes = make(hostile, [False], input=hostile, output=hostile * 1000, id=hostile)
    summary = summarise(outcomes)
    run = Facts(id="1", name=hostile, suite=hostile, subject=hostile)
    (suite, _) = valid(Told(run=run, summary=summary, gates=tuple(check(["errors > 0"], summary))), outcomes)
    assert len(list(suite.iter("testcase"))) == 1


def test_a_run_of_nothing_is_valid() -> None:
    valid(Told(run=Facts(id="1", name="x"), summary=summarise([])), [])
