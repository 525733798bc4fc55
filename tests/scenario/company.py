"""A month in a made company, as a script: thirty hosts, four weeks, what people do and what of it somebody must know.

Monday 5 October 2026 is the first day. `Company` collects packets by day and, beside them, the truth: which risk each
act is, by service and subject, in which week. The words were written before anybody looked what becomes of them.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from tests.scenario import talk
from tests.scenario.acts import ACTS
from tests.scenario.clients import Client, Jabber, Truth, Web
from tests.scenario.traffic import SECOND, Flow, write_pcap

BEGIN = int(datetime(2026, 10, 5, tzinfo=UTC).timestamp()) * SECOND
MINUTE, HOUR, DAY = 60 * SECOND, 3600 * SECOND, 86_400 * SECOND
WEEKS = 4
POLICY = """
version = 1

[groups]
trading = ["10.1.1.5", "10.1.1.6", "10.1.1.7"]

[[allow]]
name = "company Jabber"
protocol = "xmpp"
server = "10.1.0.10"

[[allow]]
name = "company Teams"
protocol = "teams"

[[deny]]
name = "no IRC"
protocol = "irc"

[[regulated]]
name = "traders"
hosts = ["trading"]
recorded = ["xmpp", "teams"]

[conduct]
announcers = ["news@corp.example"]
shared_hosts = ["10.1.1.29"]
"""
_NAMES_WRITTEN = """anna.keller ben.osei chloe.martin dario.ricci eva.lindqvist felix.brandt giulia.conti hugo.ferreira
    ines.moreau jonas.weber karim.haddad lea.fontaine marta.soler nuno.tavares olga.petrova pablo.ibarra
    quentin.roche rosa.delgado sven.hansen tilda.berg ulrich.vogel vera.novak walter.stein xenia.popa
    yusuf.demir zoe.wallace arthur.dent bruno.faria"""
NAMES = _NAMES_WRITTEN.split()
"""Of the hosts 10.1.1.1 to .28; .29 is a terminal server, .30 stands in the workshop."""


def jid(number: int) -> str:
    """Of the person whose host is 10.1.1.`number`."""
    return f"{NAMES[number - 1]}@corp.example"


def host(number: int) -> str:
    return f"10.1.1.{number}"


LEAVER, ON_LEAVE = 28, 27
"""In the last week the one's computer is used by somebody without a messenger, the other's is switched off."""
GONE = {LEAVER, ON_LEAVE}
PAIRS = [(one, (one + step - 1) % 28 + 1) for step in (1, 9) for one in range(1, 29)]
TONGUES = list(talk.LINES)


class Company:
    """`days`: working days of each week; `lines`: of talk of each pair a day, in the mean."""

    def __init__(self, *, days: int, lines: int, seed: int) -> None:
        self.days, self.lines = days, lines
        self.chance = random.Random(seed)
        self.truth: dict[tuple[str, str, str], set[int]] = defaultdict(set)
        self.alive: dict[str, set[int]] = defaultdict(set)
        """Weeks in which a host sent a packet, by host."""
        self.hosts: dict[tuple[str, str, str], set[str]] = defaultdict(set)
        """Where each finding shows."""
        self.worse: set[tuple[str, str, str]] = set()
        """What weighs more in the last week than in the one before."""
        self.said = 0
        self._packets: dict[int, list[tuple[int, bytes]]] = defaultdict(list)
        self._ports = 20_000
        for week in range(WEEKS):
            for day in range(days):
                self._office(week, week * 7 + day)
            for act in ACTS:
                if week in act.weeks:
                    act.play(Stage(self, week))

    def port(self) -> int:
        self._ports = self._ports + 1 if self._ports < 60_000 else 20_001
        return self._ports

    def add(self, week: int, *flows: Flow | Client) -> None:
        for one in flows:
            flow = one
            if isinstance(one, Client):
                flow = one.flow.close()
                self.found(week, one.leaks, {one.flow.host})
            assert isinstance(flow, Flow)
            self.alive[flow.host].add(week)
            for at, packet in flow.packets:
                self._packets[(at - BEGIN) // DAY].append((at, packet))

    def found(self, week: int, truth: Truth, hosts: Iterable[str]) -> None:
        for one in truth:
            self.truth[one].add(week)
            self.hosts[one].update(hosts)

    def write(self, folder: Path) -> list[Path]:
        """A capture a day."""
        folder.mkdir(parents=True, exist_ok=True)
        return [
            write_pcap(folder / f"2026-{_date(day)}.pcap", sorted(packets))
            for day, packets in sorted(self._packets.items())
        ]

    def _office(self, week: int, day: int) -> None:
        """Everybody logs in at nine, and pairs talk when they like; who left at the end of a week comes no more."""
        dawn = BEGIN + day * DAY
        here = [number for number in range(1, 29) if not (number in GONE and week == 3)]
        said: list[tuple[int, int, bool, int, str]] = []
        for one, other in PAIRS:
            if one not in here or other not in here:
                continue
            tongue = TONGUES[(one + other) % len(TONGUES)]
            for _ in range(max(1, self.lines + self.chance.randint(-2, 2))):
                at = dawn + 9 * HOUR + self.chance.randrange(8 * 60) * MINUTE + self.chance.randrange(60) * SECOND
                ends = (one, other) if self.chance.random() < 0.5 else (other, one)
                words = talk.line(self.chance, tongue)
                said += [(at, ends[0], True, ends[1], words), (at + SECOND, ends[1], False, ends[0], words)]
                self.said += 1
        clients = {n: Jabber(jid(n), host(n), dawn + 9 * HOUR - n * SECOND, self.port()) for n in here}
        for number, client in clients.items():
            client.roster(*(jid(other) for other in here if (number, other) in PAIRS or (other, number) in PAIRS))
        for at, number, sends, other, words in sorted(said):
            clients[number].at(at)
            (clients[number].write if sends else clients[number].hear)(jid(other), words)
        self.add(week, *clients.values())
        for number in (*here, *({LEAVER} - set(here))):  # the web, of which nobody says anything
            self.add(week, Web("www.example.org", host(number), dawn + 10 * HOUR + number * MINUTE, self.port()))
        for number in (3, 11, 19):  # approved
            self.add(week, Web("teams.microsoft.com", host(number), dawn + 11 * HOUR + number * MINUTE, self.port()))


class Stage:
    """A week of the company, for an act to play in: on its second working day, or the first of a week of one."""

    def __init__(self, company: Company, week: int) -> None:
        self.company, self.week = company, week
        self.dawn = BEGIN + (week * 7 + min(1, company.days - 1)) * DAY
        self.chance = company.chance
        self._hosts: set[str] = set()

    def at(self, hour: float) -> int:
        return self.dawn + int(hour * 3600) * SECOND

    def port(self) -> int:
        return self.company.port()

    def jabber(self, account: str, number: int, hour: float) -> Jabber:
        return Jabber(account, host(number), self.at(hour), self.port())

    def add(self, *flows: Flow | Client) -> None:
        self._hosts.update(one.flow.host if isinstance(one, Client) else one.host for one in flows)
        self.company.add(self.week, *flows)

    def true(self, risk: str, service: str, subject: str) -> None:
        """What has been added so far is also this."""
        self.company.found(self.week, {(risk, service, subject)}, self._hosts)


def _date(day: int) -> str:
    return datetime.fromtimestamp((BEGIN + day * DAY) / SECOND, UTC).strftime("%m-%d")
