"""`replay` of what was set aside, with a person's correction or verdict, beside a running daemon."""

from __future__ import annotations

import json

from tests.leadrelay.conftest import event_in


def test_a_person_mends_what_was_set_aside(beside, house):
    house.post(email="ada@analytical.example", first_name="Ada", last_name="Lovelace", form_type="demo")
    house.post(email="nobody at home", last_name="Broken", form_type="demo")
    house.post(phone="+44 20 7946 0000", last_name="Phone")
    house.settle()
    broken, phone = event_in(house, "quarantined"), event_in(house, "review")
    answer = beside("replay", str(broken), "--set", "email=grace@navy.example", "--by", "ops")
    assert answer.out == "1 sent on the way again. `leadrelay status` shows where they end.\n"
    verdict = beside("replay", str(phone), "--lead", "ada@analytical.example", "--json")
    assert json.loads(verdict.out) == {"replayed": 1}
    house.settle()
    grace = house.story("grace@navy.example")
    assert grace.lead.fields["last_name"] == "Broken"
    assert all(write.state == "written" for write in grace.writes)
    assert house.story("ada@analytical.example").lead.fields["phone"] == "+442079460000"
    assert beside("explain", "+44 20 7946 0000").out.startswith("Ada Phone")
