"""A thousand posts as forms send them, and what must have become of each one at the end."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import requests
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sync.tables import inbox_events, leads
from tests.journeys.crms import Crm
from tests.journeys.house import Books
from tests.waiting import PATIENCE

SENDERS = 16
AGAIN_AFTER = 0.25  # seconds
SAME, RESPELT, BROKEN, SPAM, PHONE_ONLY = 100, 100, 40, 30, 30  # of a thousand
NAMES = ("Okafor", "Lindqvist", "Moreau", "Tanaka", "Novák", "García", "O'Neill", "Müller-Lüdenscheidt")
COUNTRIES = ("DE", "Germany", "US", "United Kingdom", "JP", "")
FORMS = ("demo", "pricing", "whitepaper", "webinar", "newsletter", "contact_sales")
SOURCES = ("google", "linkedin", "newsletter", "")


@dataclass(frozen=True)
class Post:
    """What one sender sends once, and where that must end: among ``ENDS`` below."""

    body: Mapping[str, str]
    end: str


ENDS = {
    "person": {"new", "merged"},  # whichever of two posts about a person comes first makes the lead
    "quarantined": {"quarantined"},
    "spam": {"spam"},
    "review": {"review"},
}


@dataclass(frozen=True)
class Crowd:
    """All posts, in the order in which they are sent."""

    posts: Sequence[Post]

    @property
    def people(self) -> dict[str, str]:
        """The last name of everybody who must be in the CRMs, by address."""
        bodies = [post.body for post in self.posts if post.end == "person"]
        return {body["email"].strip().casefold(): body["last_name"] for body in bodies}

    @property
    def bodies(self) -> int:
        """How many posts differ from each other."""
        return len({tuple(post.body.items()) for post in self.posts})


def a_crowd(seed: int, posts: int = 1_000) -> Crowd:
    """Return posts of which a fifth repeat another one, shuffled: a repeat may well come first."""
    chance = random.Random(seed)
    share = posts / 1_000
    same, respelt, broken, spam, phones = (int(n * share) for n in (SAME, RESPELT, BROKEN, SPAM, PHONE_ONLY))
    people = [_person(chance, n) for n in range(posts - same - respelt - broken - spam - phones)]
    found = [Post(body, "person") for body in people]
    found += [Post(_respelt(chance, body), "person") for body in chance.sample(people, respelt)]
    found += [Post(_broken(chance, n), "quarantined") for n in range(broken)]
    found += [Post(_spam(chance, n), "spam") for n in range(spam)]
    found += [Post({"phone": f"+120155560{n:02}", "last_name": "Caller"}, "review") for n in range(phones)]
    found += [Post(post.body, post.end) for post in chance.sample(found, same)]
    chance.shuffle(found)
    return Crowd(found)


def _person(chance: random.Random, number: int) -> dict[str, str]:
    source = chance.choice(SOURCES)
    body = {
        "email": f"person.{number}@company{number % 40}.example",
        "first_name": f"First{number}",
        "last_name": chance.choice(NAMES),
        "company": f"Company {number % 40}",
        "job_title": chance.choice(("CTO", "Analyst", "Head of Operations")),
        "country": chance.choice(COUNTRIES),
        "form_type": chance.choice(FORMS),
        "page_url": f"https://www.northlight.example/{'?utm_source=' + source if source else ''}",
    }
    return {name: value for name, value in body.items() if value}


def _respelt(chance: random.Random, body: Mapping[str, str]) -> dict[str, str]:
    """Return the same person in other words."""
    spelling = chance.choice((str.upper, str.title, lambda email: f"  {email} "))
    other = {"email": spelling(body["email"]), "form_type": chance.choice(FORMS)}
    return {**body, **other, "message": "Me again"}


def _broken(chance: random.Random, number: int) -> dict[str, str]:
    """Return what cannot be a person: no address where one belongs, or no way to reach anybody."""
    if chance.random() < 0.5:
        return {"email": f"someone{number} at company", "last_name": "Broken"}
    return {"first_name": f"Nobody{number}", "last_name": "Broken"}


def _spam(chance: random.Random, number: int) -> dict[str, str]:
    if chance.random() < 0.5:
        return {"email": f"robot{number}@backlinks.example", "fax_number": "+1 555 0100"}
    return {"email": f"seller{number}@spam.example", "last_name": "Seller"}


@dataclass(frozen=True)
class Answers:
    """What the senders were told, in the order of the posts, and how often they had to try again."""

    found: Sequence[Mapping[str, Any]]
    tried_again: int


def send(crowd: Crowd, url: Callable[[], str]) -> Answers:
    """Send all posts with many senders at once; each tries until it has an answer, as real ones do."""
    mine = threading.local()
    again = Counter[str]()

    def deliver(post: Post) -> Mapping[str, Any]:
        session = mine.__dict__.setdefault("session", requests.Session())
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                answer = session.post(f"{url()}/in/website", data=post.body, timeout=60)
            except requests.RequestException:
                again["unreachable"] += 1
                time.sleep(AGAIN_AFTER)
                continue
            if answer.status_code == 202:
                found: Mapping[str, Any] = answer.json()
                return found
            assert answer.status_code == 503, answer.text
            again["busy"] += 1
            time.sleep(AGAIN_AFTER)
        raise AssertionError(f"no answer within {PATIENCE:g} s")

    with ThreadPoolExecutor(SENDERS) as pool:
        found = list(pool.map(deliver, crowd.posts))
    return Answers(found, again.total())


def assert_all_arrived(crowd: Crowd, answers: Answers, books: Books, crms: Mapping[str, Crm]) -> None:
    """Check the crowd person by person in each CRM, and event by event in the store."""
    _assert_ends(crowd, answers, books)
    ends = books.website()
    counted = ends.delivered + ends.merged + ends.review + ends.quarantined + ends.spam + ends.dead
    assert (counted + ends.in_flight, ends.in_flight, ends.dead) == (ends.received, 0, 0)
    assert ends.received == crowd.bodies
    assert ends.delivered == len(crowd.people)
    repeats = len(crowd.posts) - crowd.bodies
    assert repeats <= ends.duplicates <= repeats + answers.tried_again
    leads = _lead_ids(crowd, books)
    for crm in crms.values():
        people = crm.people()
        assert Counter(str(one["email"]).casefold() for one in people) == Counter(crowd.people.keys())
        assert {str(one["email"]).casefold(): one["last_name"] for one in people} == crowd.people
        assert {str(one["email"]).casefold(): one["id"] for one in people} == leads
        assert all(one["owner"] in crm.owners.values() for one in people)
    assert len({_owners(crm) for crm in crms.values()}) == 1


def _owners(crm: Crm) -> frozenset[tuple[str, str]]:
    return frozenset((str(one["email"]).casefold(), one["owner"]) for one in crm.people())


def _assert_ends(crowd: Crowd, answers: Answers, books: Books) -> None:
    """Each event that a sender was given a number of ended once, where its post must end."""

    def look(snapshot: Connection) -> dict[str, str]:
        c = inbox_events.c
        rows = snapshot.execute(sa.select(c.event_id, c.state).where(c.source == "website"))
        return dict(tuple(row) for row in rows)

    states = books.read(look)
    wrong = [
        (post.body, states.get(answer["event"]))
        for post, answer in zip(crowd.posts, answers.found, strict=True)
        if states.get(answer["event"]) not in ENDS[post.end]
    ]
    assert not wrong
    assert len(states) == len({answer["event"] for answer in answers.found}) == crowd.bodies


def _lead_ids(crowd: Crowd, books: Books) -> dict[str, str]:
    rows = books.read(lambda snapshot: snapshot.execute(sa.select(leads.c.email, leads.c.id)).all())
    assert len(rows) == len(crowd.people)
    return {str(row.email).casefold(): row.id for row in rows}
