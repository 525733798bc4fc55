"""IRC: what lines mean, what proves that they are IRC, and what is said of passwords and addresses."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import pytest

from imsniff.base.events import (
    Anomaly,
    Contact,
    Encryption,
    Event,
    Expect,
    Exposure,
    Grade,
    Login,
    Message,
    Outcome,
    Presence,
    Trait,
    Transfer,
    TransferState,
)
from imsniff.base.limits import MAX_ADDRESSEES
from imsniff.dissect.irc.irc import Irc
from imsniff.dissect.irc.line import Line, parse, room_of
from transcript import CLIENT, SERVER, Said, conversations, events

PCAPS = Path(__file__).parents[2] / "pcaps"
HELLO = (CLIENT, b"NICK alice\r\nUSER alice 0 * :Alice\r\n")
WELCOME = (SERVER, b":irc.example.org 001 alice :Welcome\r\n")
CONVERSATIONS: list[Said] = [
    [HELLO, WELCOME, (CLIENT, b"PRIVMSG #room :hello\r\n"), (SERVER, b":bob!b@h.example.org PRIVMSG alice :hi\r\n")],
    *(
        flow.said
        for capture in (*sorted((PCAPS / "irc").glob("*.pcap")), *sorted((PCAPS / "dcc").glob("*.pcap")))
        for flow in conversations(capture)
        if flow.server[1] in (443, 6667, 7029, 8080)
    ),
]


def client(*lines: str) -> tuple[object, bytes]:
    return CLIENT, "".join(f"{line}\r\n" for line in lines).encode()


def server(*lines: str) -> tuple[object, bytes]:
    return SERVER, "".join(f"{line}\r\n" for line in lines).encode()


def says(*turns: tuple[object, bytes], kind: type[Event] = Event, midstream: bool = False) -> list[Event]:
    return [
        e for e in events(Irc, list(turns), midstream=midstream) if isinstance(e, kind) and not isinstance(e, Trait)
    ]


def told(name: str, kind: type[Event], flow: int = 0) -> list[Event]:
    return [e for e in events(Irc, conversations(PCAPS / f"{name}.pcap")[flow].said) if isinstance(e, kind)]


def logins(*turns: tuple[object, bytes]) -> list[tuple[str | None, str, str | None, Outcome]]:
    return [(e.account, e.scheme, e.secret, e.outcome) for e in says(HELLO, *turns, kind=Login)]


class TestLine:
    @pytest.mark.parametrize(
        ("raw", "nick", "user", "host", "command", "params"),
        [
            (b":n!u@h PRIVMSG #r :a  b :c", "n", "u", "h", "PRIVMSG", ["#r", "a  b :c"]),
            (b"@a=b;c=\\s :irc.x 001 me :", "irc.x", None, None, "001", ["me", ""]),
            (b"    JOIN      #BROOM", None, None, None, "JOIN", ["#BROOM"]),
            (b"nick x\r", None, None, None, "NICK", ["x"]),
            (b":old@h QUIT", "old", None, "h", "QUIT", []),
            (b"QUIT :gr\xfc\xdfe", None, None, None, "QUIT", ["grüße"]),
        ],
    )
    def test_parts(self, raw, nick, user, host, command, params):
        assert parse(raw) == Line(nick, user, host, command, params)

    @pytest.mark.parametrize(
        "raw", [b"220 ready", b"+OK", b"<html>", b"a\0b", b":prefix", b"HTTP/1.1 200 OK", b"$MyNick x|"]
    )
    def test_lines_of_others(self, raw):
        assert [e.code for e in says((CLIENT, raw + b"\r\n"))] == ["irc.desync"]

    def test_rooms(self):
        names = ["#a", "&a", "+a", "!12345a", "@#a", "~&@%+#a", "a", "a#b", ""]
        assert [room_of(name) for name in names] == ["#a", "&a", "+a", "!12345a", "#a", "#a", None, None, None]


class TestProof:
    @pytest.mark.parametrize(
        "lines",
        [
            b"NICK a\r\nUSER a 0 * :A\r\n",
            b"USER a b c :D\nNICK a\n",
            b"USER foo\nNICK foo\nJOIN #WEE\n",
            b"PASS x\r\nNICK a\r\nUSER a a a a\r\n",
            b"CAP LS 302\r\nNICK a\r\n",
            b"PRIVMSG a :b\r\n",
            b":irc.example.org 001 a :Welcome\r\n",
            b":irc.example.org 372 a :- one\r\n:irc.example.org 372 a :- two\r\n",
            b":n!u@h JOIN :#x\r\n",
            b"NOTICE AUTH :*** Looking up your hostname\r\n",
            b":irc NOTICE AUTH :***\r\n",
            b"ISON a b\r\nWHO #x\r\nWHOIS a\r\n",
            b"@time=2005-01-01T00:00:01.000Z :n!u@h PRIVMSG #x :y\r\n",
        ],
    )
    def test_one_side_of_these_is_enough(self, lines):
        dissector = Irc()
        list(dissector.feed(CLIENT, lines))
        assert dissector.confirmed

    @pytest.mark.parametrize(
        "lines",
        [
            b"USER anonymous\r\nPASS guest@\r\nSYST\r\nMODE S\r\nLIST\r\nQUIT\r\n",
            b"USER bob\r\nPASS secret\r\nSTAT\r\nLIST\r\nRETR 1\r\nQUIT\r\n",
            b"PASS secret\r\nLIST\r\nQUIT\r\n",
            b"MODE READER\r\nLIST ACTIVE\r\nGROUP alt.irc\r\nHELP\r\nQUIT\r\n",
            b"HELO example.org\r\nMAIL FROM:<a@b>\r\nNOOP\r\nQUIT\r\n",
            b"PING\r\nPONG\r\nPING\r\nINFO\r\nQUIT\r\n",
            b"PING x\r\nPONG x\r\nPING x\r\nPONG x\r\nPING x\r\n",
            b"get a\r\nset b 0 0 1\r\nx\r\nversion\r\nstats\r\nquit\r\n",
            b"GET / HTTP/1.1\r\nHost: example.org\r\nUser-Agent: PRIVMSG a :b\r\n\r\n",
            b"INVITE sip:bob@example.org SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1\r\n\r\n",
            b"NOTICE: all use is monitored\r\nlogin: bob\r\nPassword: x\r\n",
            b"VER 1 MSNP18 CVR0\r\nUSR 2 TWN I a@b\r\n",
            b'a1 LOGIN bob secret\r\na2 LIST "" *\r\n',
        ],
    )
    def test_other_protocols_are_not(self, lines):
        for midstream in (False, True):
            dissector = Irc(midstream=midstream)
            list(dissector.feed(CLIENT, lines))
            list(dissector.feed(SERVER, b"220 ready\r\n331 Password required\r\n200 PRIVMSG a :b\r\n+OK\r\n"))
            assert not dissector.confirmed

    def test_binary_is_given_up_soon(self):
        dissector = Irc()
        for side in (CLIENT, SERVER):
            list(dissector.feed(side, b"\x00\x01\x02\n:x y z\n" * 1000))
        assert dissector.given_up
        assert not dissector.confirmed


class TestPasswords:
    @pytest.mark.parametrize(
        ("answer", "outcome"),
        [
            (":irc.x 001 alice :Welcome", Outcome.OK),
            (":irc.x 464 alice :Password incorrect", Outcome.FAILED),
            ("ERROR :Closing Link: alice (Bad Password)", Outcome.FAILED),
            (":irc.x 433 * alice :in use", Outcome.UNKNOWN),
        ],
    )
    def test_of_the_connection(self, answer, outcome):
        [login] = says(client("PASS :open sesame"), HELLO, server(answer), kind=Login)
        assert (login.account, login.secret, login.outcome) == ("alice", "open sesame", outcome)
        assert (login.grade, login.wire) == (Grade.CLEARTEXT, "PASS <11 characters masked>")

    def test_after_a_long_greeting(self):
        lines = [f":irc.x NOTICE * :*** Line {n}" for n in range(40)]
        assert logins(client("PASS x"), server(*lines), WELCOME)[0][3] is Outcome.OK

    def test_a_bearer_is_a_token(self):
        [login] = says(client("PASS oauth:abc"), HELLO, kind=Login)
        assert (login.scheme, login.grade) == ("oauth", Grade.TOKEN)

    @pytest.mark.parametrize(
        ("answer", "outcome"), [("381 alice :You are now", Outcome.OK), ("491 alice :No", Outcome.FAILED)]
    )
    def test_of_operators(self, answer, outcome):
        assert logins(client("OPER root toor"), server(f":irc.x {answer}")) == [("root", "oper", "toor", outcome)]

    @pytest.mark.parametrize(
        ("line", "account", "secret"),
        [
            ("PRIVMSG NickServ :IDENTIFY pw", "alice", "pw"),
            ("PRIVMSG nickserv@services.x :identify lissy pw", "lissy", "pw"),
            ("PRIVMSG NickServ :REGISTER pw alice@example.org", "alice", "pw"),
            ("PRIVMSG NickServ :GHOST lissy pw", "lissy", "pw"),
            ("PRIVMSG NickServ :RECOVER lissy pw", "lissy", "pw"),
            ("PRIVMSG NickServ :SET PASSWORD pw", "alice", "pw"),
            ("PRIVMSG Q@CServe.quakenet.org :AUTH lissy pw", "lissy", "pw"),
            ("PRIVMSG X@channels.undernet.org :LOGIN lissy pw", "lissy", "pw"),
            ("PRIVMSG AuthServ@Services.GameSurge.net :AUTH lissy pw", "lissy", "pw"),
            ("PRIVMSG AuthServ :REGISTER lissy pw", "lissy", "pw"),
            ("PRIVMSG ChanServ :IDENTIFY #room pw", "#room", "pw"),
            ("SQUERY NickServ :IDENTIFY pw", "alice", "pw"),
            ("NS IDENTIFY pw", "alice", "pw"),
            ("NICKSERV :IDENTIFY lissy pw", "lissy", "pw"),
            ("IDENTIFY pw", "alice", "pw"),
            ("LOGIN lissy pw", "lissy", "pw"),
        ],
    )
    def test_of_services(self, line, account, secret):
        assert logins(client(line)) == [(account, "nickserv", secret, Outcome.UNKNOWN)]
        assert not says(HELLO, client(line), kind=Message)

    @pytest.mark.parametrize(
        "line", ["PRIVMSG NickServ :HELP IDENTIFY", "PRIVMSG NickServ :GHOST lissy", "PRIVMSG Q :WHOAMI"]
    )
    def test_what_else_is_said_to_services_is_talk(self, line):
        assert not logins(client(line))
        assert says(HELLO, client(line), kind=Message)

    @pytest.mark.parametrize(
        ("answer", "outcome"),
        [
            (":NickServ!s@services NOTICE alice :You are now identified for alice.", Outcome.OK),
            (":NickServ!s@services NOTICE alice :Password accepted - you are now recognized.", Outcome.OK),
            (":NickServ!s@services NOTICE alice :Invalid password for alice.", Outcome.FAILED),
            (":NickServ!s@services NOTICE alice :Your nick isn't registered.", Outcome.FAILED),
            (":irc.x 900 alice a!b@c alice :You are now logged in as alice", Outcome.OK),
            (":irc.x 401 alice NickServ :No such nick", Outcome.FAILED),
        ],
    )
    def test_what_services_answer(self, answer, outcome):
        assert logins(client("PRIVMSG NickServ :IDENTIFY pw"), server(answer))[0][3] is outcome

    def test_of_rooms(self):
        assert logins(client("JOIN #a,#b key"), server(":irc.x 366 alice #a :End")) == [
            ("alice", "channel-key", "key", Outcome.OK)
        ]
        assert logins(client("JOIN #a key"), server(":irc.x 475 alice #a :no"))[0][3] is Outcome.FAILED
        assert [secret for _, _, secret, _ in logins(client("MODE #a +onk-b bob key *!*@*"))] == ["key"]
        assert [secret for _, _, secret, _ in logins(server(":irc.x 324 alice #a +ntk key"))] == ["key"]
        assert not logins(client("MODE #a -k key"), server(":irc.x 324 alice #a +k *"))

    def test_a_key_is_told_once(self):
        line = server(":bob!b@h MODE #a +k key", ":irc.x 324 alice #a +k key")
        assert len(logins(client("JOIN #a key"), line)) == 1

    def test_of_gateways(self):
        [login, exposure] = says(client("WEBIRC pw web.example.org host.example.org 198.51.100.7"))
        assert (login.account, login.scheme, login.secret, exposure.ip) == (
            "web.example.org",
            "webirc",
            "pw",
            "198.51.100.7",
        )


class TestSasl:
    @staticmethod
    def response(*parts: bytes) -> str:
        return b64encode(b"\0".join(parts)).decode()

    @pytest.mark.parametrize(("number", "outcome"), [("903", Outcome.OK), ("904", Outcome.FAILED)])
    def test_plain(self, number, outcome):
        found = logins(
            client("AUTHENTICATE PLAIN"),
            server("AUTHENTICATE +"),
            client(f"AUTHENTICATE {self.response(b'', b'lissy', b'pw')}"),
            server(f":irc.x {number} alice :x"),
        )
        assert found == [("lissy", "plain", "pw", outcome)]

    def test_in_pieces(self):
        [login] = told("irc/ircv3_sasl_and_services", Login)[:1]
        assert (login.account, login.outcome, len(login.secret)) == ("alice", Outcome.OK, 294)

    @pytest.mark.parametrize("size", [300, 600])
    def test_pieces_of_exactly_the_limit(self, size):
        text = self.response(b"", b"a", b"p" * (size - 3))
        lines = [f"AUTHENTICATE {text[at : at + 400]}" for at in range(0, len(text), 400)]
        [found] = logins(client("AUTHENTICATE PLAIN", *lines, "AUTHENTICATE +"))
        assert found[2] == "p" * (size - 3)

    def test_plain_without_its_beginning(self):
        assert logins(client(f"AUTHENTICATE {self.response(b'x', b'lissy', b'pw')}"))[0][:3] == ("lissy", "plain", "pw")

    def test_scram(self):
        first, final = (b64encode(text).decode() for text in (b"n,,n=lissy,r=nonce", b"c=biws,r=nonce+,p=proof="))
        [login] = says(
            HELLO,
            client("AUTHENTICATE SCRAM-SHA-256", f"AUTHENTICATE {first}"),
            server(f"AUTHENTICATE {b64encode(b'r=nonce+,s=c2FsdA==,i=4096').decode()}"),
            client(f"AUTHENTICATE {final}"),
            kind=Login,
        )
        assert (login.account, login.scheme, login.grade, login.secret) == (
            "lissy",
            "scram-sha-256",
            Grade.CRACKABLE,
            "proof=",
        )

    def test_external_shows_nothing(self):
        [login] = says(HELLO, client("AUTHENTICATE EXTERNAL", "AUTHENTICATE +"), kind=Login)
        assert (login.grade, login.secret) == (Grade.PROTECTED, None)

    def test_endless_pieces(self):
        lines = ["AUTHENTICATE PLAIN"] + [f"AUTHENTICATE {'A' * 400}"] * 200
        assert "irc.malformed" in {e.code for e in says(HELLO, client(*lines), kind=Anomaly)}


class TestTalk:
    def test_sender_recipient_room(self):
        found = says(HELLO, client("PRIVMSG #room,bob :hello"), server(":bob!b@h PRIVMSG @#room :hi"), kind=Message)
        assert [(m.sender, m.recipient, m.room, m.text) for m in found] == [
            ("alice", "#room", "#room", "hello"),
            ("alice", "bob", None, "hello"),
            ("bob", "#room", "#room", "hi"),
        ]

    def test_the_nick_changes(self):
        said = client("PRIVMSG bob :x")
        taken = server(":irc.x 433 alice lissy :in use")
        found = says(HELLO, WELCOME, client("NICK lissy"), taken, said, client("NICK al"), said, kind=Message)
        assert [m.sender for m in found] == ["alice", "al"]

    def test_the_nick_is_learnt_from_replies(self):
        found = says(server(":irc.x 372 alice :- motd"), client("PRIVMSG bob :x"), midstream=True, kind=Message)
        assert found[0].sender == "alice"

    def test_attributes_are_removed_and_actions_told(self):
        lines = client("PRIVMSG bob :\x02a\x0f \x0304,12b\x03 \x1dc", "PRIVMSG bob :\x01ACTION waves\x01")
        assert [m.text for m in says(HELLO, lines, kind=Message)] == ["a b c", "waves"]

    def test_servers_and_services_do_not_talk(self):
        lines = server(
            ":irc.x NOTICE alice :stats", "NOTICE AUTH :***", ":NickServ!s@x NOTICE alice :your password is pw"
        )
        assert not says(HELLO, lines, kind=Message)

    def test_a_line_names_only_so_many(self):
        line = client("PRIVMSG " + ",".join(f"n{number}" for number in range(1000)) + " :x")
        assert len(says(HELLO, line, kind=Message)) == MAX_ADDRESSEES

    def test_an_echo_is_not_told_again(self):
        echo = server("@msgid=1 :alice!a@h PRIVMSG bob :x", ":alice!a@h PRIVMSG bob :x")
        assert len(says(HELLO, client("PRIVMSG bob :x"), echo, kind=Message)) == 2

    def test_orders_in_the_topic(self):
        [_, message, *_] = told("irc/bot_and_starttls", Message, flow=1)
        [topic, *_] = told("irc/bot_and_starttls", Message, flow=1)
        assert (topic.room, topic.sender, topic.text) == ("#x", None, ".scan 10.78.0.0/16")
        assert (message.sender, message.text) == ("boss", ".status")

    def test_between_servers_ids_are_names(self):
        found = told("irc/server_link", Message)
        assert [(m.sender, m.recipient, m.text) for m in found] == [
            ("alice", "#labroom", "across the link"),
            ("bob", "alice", "only for you"),
        ]

    def test_a_client_tells_its_version(self):
        said = [HELLO, client("NOTICE bob :\x01VERSION irssi 1.4\x01")]
        assert Trait(side=CLIENT, software="irssi 1.4") in events(Irc, said)

    def test_a_server_tells_its_version(self):
        said = [HELLO, server(":irc.x 002 alice :Your host is irc.x, running version ngircd-26.1 (x86)")]
        assert Trait(side=SERVER, software="ngircd-26.1") in events(Irc, said)


class TestPresence:
    def test_away_and_gone(self):
        found = says(
            HELLO,
            client("AWAY :lunch", "AWAY"),
            server(":bob!b@h AWAY :tea", ":irc.x 301 alice bob :tea", ":bob!b@h QUIT :bye"),
            kind=Presence,
        )
        assert [(p.account, p.status, p.note) for p in found] == [
            ("alice", "away", "lunch"),
            ("alice", "online", None),
            ("bob", "away", "tea"),
            ("bob", "offline", "bye"),
        ]

    def test_watched_friends(self):
        asks = client("MONITOR + bob,carol", "ISON bob erin", "WATCH +frank -bob", "ISON bob erin")
        found = says(HELLO, asks, kind=Contact)
        assert [(c.owner, c.account) for c in found] == [("alice", name) for name in ("bob", "carol", "erin", "frank")]
        answers = server(
            ":irc.x 303 alice :bob", ":irc.x 731 alice :carol,erin", ":irc.x 604 alice frank u 192.0.2.7 1 :on"
        )
        states = [(p.account, p.status) for p in says(HELLO, answers, kind=Presence)]
        assert states == [("bob", "online"), ("carol", "offline"), ("erin", "offline"), ("frank", "online")]


class TestAddresses:
    @pytest.mark.parametrize(
        ("line", "account", "ip"),
        [
            (":bob!~b@192.0.2.7 JOIN #x", "bob", "192.0.2.7"),
            (":bob!~b@2001:db8:0:0::7 JOIN #x", "bob", "2001:db8::7"),
            (":irc.x 311 alice bob u 192.0.2.7 * :Bob", "bob", "192.0.2.7"),
            (":irc.x 352 alice #x u 192.0.2.7 irc.x bob H :0 Bob", "bob", "192.0.2.7"),
            (":irc.x 302 alice :bob*=-u@192.0.2.7", "bob", "192.0.2.7"),
            (":irc.x 338 alice bob 192.0.2.7 :actually using host", "bob", "192.0.2.7"),
            (":irc.x 378 alice bob :is connecting from *@h.example.org 192.0.2.7", "bob", "192.0.2.7"),
            (":bob!b@h CHGHOST b 192.0.2.7", "bob", "192.0.2.7"),
        ],
    )
    def test_hosts(self, line, account, ip):
        [exposure] = says(HELLO, server(line, line), kind=Exposure)
        assert (exposure.account, exposure.ip, exposure.via, exposure.to) == (account, ip, "irc.host", "alice")

    @pytest.mark.parametrize("host", ["h.example.org", "user/bob", "127.0.0.1", "999.1.1.1", "gateway/web/x.192.0.2.7"])
    def test_names_are_no_addresses(self, host):
        assert not says(HELLO, server(f":bob!b@{host} JOIN #x"), kind=Exposure)


class TestDcc:
    OFFER = "PRIVMSG bob :\x01DCC SEND plan.txt 3232235777 5000 1490\x01"

    def test_an_offer_is_a_transfer_an_address_and_a_flow_to_come(self):
        found = says(HELLO, client(self.OFFER))
        assert found == [
            Exposure(
                side=CLIENT,
                account="alice",
                ip="192.168.1.1",
                port=5000,
                via="irc.dcc",
                to="bob",
                wire="DCC SEND plan.txt 3232235777 5000 1490",
            ),
            Transfer(
                side=CLIENT, name="plan.txt", size=1490, sender="alice", recipient="bob", state=TransferState.OFFERED
            ),
            Expect(
                side=CLIENT,
                protocol="dcc",
                ip="192.168.1.1",
                port=5000,
                name="plan.txt",
                size=1490,
                sender="alice",
                recipient="bob",
            ),
        ]

    @pytest.mark.parametrize(
        ("words", "name", "ip", "size"),
        [
            ('SEND "my plan.txt" 3232235777 5000 7', "my plan.txt", "192.168.1.1", 7),
            ("SEND my plan 2.txt 3232235777 5000 7", "my plan 2.txt", "192.168.1.1", 7),
            ("SEND plan 2001:db8::7 5000 7", "plan", "2001:db8::7", 7),
            ("SEND plan 192.0.2.7 5000", "plan", "192.0.2.7", None),
            ("SSEND plan 3232235777 5000 7 1", "plan", "192.168.1.1", 7),
            ("TSEND plan 3232235777 5000 7", "plan", "192.168.1.1", 7),
            ("CHAT chat 3232235777 5000", None, "192.168.1.1", None),
            ("CHAT CHAT 2001:db8::7 5000", None, "2001:db8::7", None),
        ],
    )
    def test_forms(self, words, name, ip, size):
        [expect] = says(HELLO, client(f"PRIVMSG bob :\x01DCC {words}\x01"), kind=Expect)
        assert (expect.name, expect.ip, expect.port, expect.size) == (name, ip, 5000, size)

    @pytest.mark.parametrize(
        "words",
        [
            "",
            "SEND",
            "SEND x",
            "SEND x 1",
            "SEND x 3232235777 abc 1024",
            "SEND x 3232235777 99999 1",
            "SEND x here 5000 1",
            "SEND x 99999999999 5000 1",
            "SEND x 3232235777 5000 " + "9" * 5000,
            'SEND "x',
            "RESUME x",
            "RESUME x y z",
            "CHAT",
            "FOO bar",
            "SEND x ::: 5000 1",
        ],
    )
    def test_malformed_ones_expect_nothing(self, words):
        assert not says(HELLO, client(f"PRIVMSG bob :\x01DCC {words}\x01"), kind=Expect)

    def test_the_receiver_may_listen(self):
        found = told("dcc/passive_send", Transfer) + told("dcc/passive_send", Expect)
        assert [(e.sender, e.recipient) for e in found] == [("bob", "alice")] * 3
        assert [e.state for e in found[:2]] == [TransferState.OFFERED, TransferState.ACCEPTED]
        assert found[2].ip == "10.78.0.21"

    def test_a_resumed_file_begins_behind_what_is_there(self):
        first, second = told("dcc/resumed_send", Expect)
        assert (first.offset, second.offset, second.size) == (0, 1000, 2720)


class TestFraming:
    def test_starttls_is_the_end_of_what_can_be_read(self):
        dissector = Irc()
        said = conversations(PCAPS / "irc" / "bot_and_starttls.pcap")[2].said
        out = [event for side, data in said for event in dissector.feed(side, data)]
        assert dissector.opaque
        assert Trait(side=SERVER, encryption=Encryption.STARTTLS) in out

    def test_starttls_seen_from_the_client_only(self):
        dissector = Irc()
        said = [t for t in conversations(PCAPS / "irc" / "bot_and_starttls.pcap")[2].said if t[0] is CLIENT]
        out = [event for side, data in said for event in dissector.feed(side, data)]
        assert dissector.opaque
        assert not [event for event in out if isinstance(event, Anomaly)]

    def test_a_bad_line_costs_itself_only(self):
        found = says(HELLO, (CLIENT, b"\x00\x01 what?\r\nPRIVMSG bob :one\r\nPRIVMSG bob :two\r\n"))
        assert [e.code if isinstance(e, Anomaly) else e.text for e in found] == ["irc.desync", "one", "two"]

    def test_met_in_the_middle_of_a_line(self):
        late = (SERVER, b"b@h PRIVMSG #x :lost\r\n:bob!b@h PRIVMSG #x :found\r\n")
        assert [e.text for e in says(late, midstream=True)] == ["found"]

    def test_a_line_of_five_thousand_letters(self):
        assert len(says(HELLO, client("PRIVMSG bob :" + "x" * 5000), kind=Message)[0].text) == 5000


class TestWhatPublicBugReportsShow:
    @pytest.mark.parametrize(
        "name",
        [
            "Screen Shot 2016-05-26 at 18.31.02.png",
            "Report v1.2.3.pdf",
            "a:b ::1 c.txt",
            "1 2 3",
            "[Grp] Long - 01.bin",
        ],
    )
    @pytest.mark.parametrize(
        ("words", "size"),
        [
            ("3232237397 5001 40960", 40960),
            ("3232237397 5001", None),
            ("3232237397 0 40960 7", 40960),
            ("2001:db8::7 5001 9", 9),
        ],
    )
    def test_a_name_with_blanks_dots_digits_and_colons(self, name, words, size):
        found = says(HELLO, client(f"PRIVMSG bob :\x01DCC SEND {name} {words}\x01"), kind=Transfer)
        assert [(e.name, e.size) for e in found] == [(name, size)]

    def test_a_line_cut_in_the_midst_of_a_character(self):
        text = "сегодня утром"
        line = f":bob!b@h PRIVMSG alice :{text}".encode()[:-1] + b"\r\n"
        (found,) = says(HELLO, (SERVER, line), kind=Message)
        assert found.text == text[:-1]

    def test_windows_clients_are_understood_as_before(self):
        (found,) = says(HELLO, (SERVER, b":bob!b@h PRIVMSG alice :gr\xfc\xdfe, caf\xe9\r\n"), kind=Message)
        assert found.text == "grüße, café"

    def test_tags_longer_than_what_is_looked_at_after_a_hole(self):
        lines = [f"@+x={'y' * 8_000} :bob!b@h.example.org PRIVMSG #r :wave {n}" for n in range(3)]
        data = server(*lines)[1]
        dissector = Irc()
        for side, turn in (HELLO, WELCOME):
            list(dissector.feed(side, turn))
        list(dissector.gap(SERVER, 500))
        assert [e.text for e in dissector.feed(SERVER, data[100:]) if isinstance(e, Message)] == ["wave 1", "wave 2"]

    def test_bitlbee(self):
        found = logins(
            client("PRIVMSG &bitlbee :identify s3al-of-office"),
            (SERVER, b":root!root@bitlbee.example.org PRIVMSG &bitlbee :Password accepted, settings loaded\r\n"),
            client('PRIVMSG &bitlbee :root: account add jabber karin@example.org "harbour light 5"'),
        )
        assert found == [
            ("alice", "nickserv", "s3al-of-office", Outcome.OK),
            ("karin@example.org", "bitlbee", "harbour light 5", Outcome.UNKNOWN),
        ]
