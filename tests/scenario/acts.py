"""What happens beside the talk: each act says in which weeks it plays, what is done, and which risk that is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from pcaps.odc.forge import frame as odc_frame
from pcaps.oft.forge import header as oft_header

from tests.scenario.clients import Aim, Chat, IcqOld, Msn, Phone, Toc, Tunnelled, Web, Yahoo
from tests.scenario.talk import line
from tests.scenario.traffic import Flow

if TYPE_CHECKING:
    from tests.scenario.company import Stage


class Act(NamedTuple):
    weeks: frozenset[int]
    play: Callable[[Stage], None]


ACTS: list[Act] = []
MINUTE = 60_000_000_000


def act(*weeks: int) -> Callable[[Callable[[Stage], None]], Callable[[Stage], None]]:
    """Registers an act and the weeks it plays in, from 0."""

    def register(play: Callable[[Stage], None]) -> Callable[[Stage], None]:
        ACTS.append(Act(frozenset(weeks), play))
        return play

    return register


def _chat(stage: Stage, client: Aim | Chat | IcqOld | Msn | Phone | Toc | Yahoo, other: str, tongue: str) -> None:
    """A dozen ordinary lines, in turn."""
    for number in range(12):
        client.at(client.flow.at + MINUTE)
        words = line(stage.chance, tongue).replace("\n", " ")
        (client.write if number % 2 else client.hear)(other, words)
    stage.add(client)


# --- those who use something else than the company's ----------------------------------------------------------------


@act(0, 1, 2, 3)
def old_messengers(stage: Stage) -> None:
    """The workshop never threw its messengers away."""
    _chat(stage, Toc("workshoplad", "10.1.1.21", stage.at(10), stage.port()), "sparepartsguy", "en")
    _chat(stage, Aim("toolmaker77", "10.1.1.22", stage.at(10.2), stage.port()), "lathequeen", "de")
    _chat(stage, IcqOld("20031987", "10.1.1.23", stage.at(10.4), stage.port()), "20042011", "it")
    _chat(stage, Yahoo("olddriver", "10.1.1.24", stage.at(10.6), stage.port()), "kitchenchef", "fr")
    _chat(stage, Msn("gate@hotmail.example", "10.1.1.25", stage.at(10.8), stage.port(), "porter@msn.example"),
          "porter@msn.example", "es")  # fmt: skip
    _chat(stage, Phone("desk@voip.example", "10.1.1.26", stage.at(11), stage.port()), "lobby@voip.example", "pt")


@act(0, 1, 2, 3)
def services_of_today(stage: Stage) -> None:
    for number, (name, service) in enumerate(
        [("web.whatsapp.com", "whatsapp"), ("chat.signal.org", "signal"), ("slack.com", "slack")]
    ):
        host = f"10.1.1.{14 + number}"
        stage.add(Web(name, host, stage.at(12 + number / 10), stage.port()))
        stage.true("rogue-im", service, host)


@act(1, 2, 3)
def irc_on_the_port_of_the_web(stage: Stage) -> None:
    client = Chat("hansen_s", "10.1.1.19", stage.at(13), stage.port(), at_port=443)
    _chat(stage, client, "oldmate", "en")
    stage.true("policy-violation", "irc", "hansen_s")


@act(3)
def a_tunnel(stage: Stage) -> None:
    client = Tunnelled("nighthawk@outside.example", "10.1.1.20", stage.at(14), stage.port())
    for words in ("are you on tonight?", "same channel, nobody watches the proxy"):
        client.write("owl@outside.example", words)
    stage.add(client)


@act(3)
def a_trader_on_whatsapp(stage: Stage) -> None:
    stage.add(Web("web.whatsapp.com", "10.1.1.6", stage.at(15), stage.port()))
    stage.true("rogue-im", "whatsapp", "10.1.1.6")
    stage.true("unrecorded-channel", "whatsapp", "10.1.1.6")


@act(0, 3)
def from_client_to_client(stage: Stage) -> None:
    """Files and words that go past the servers: OFT, ODC, MSNFTP, MSRP and DCC."""
    photo = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 20
    oft = Flow("10.1.1.22", "198.51.100.90", stage.at(10.7), port=5190, from_port=stage.port())
    oft.say(True, oft_header(0x101, b"lathe.jpg", len(photo))).say(False, oft_header(0x202, b"lathe.jpg", len(photo)))
    oft.say(True, photo).say(False, oft_header(0x204, b"lathe.jpg", len(photo), len(photo)))
    stage.add(oft.close())
    stage.true("rogue-im", "oscar", "10.1.1.22")
    stage.true("file-transfer", "oscar", "lathe.jpg from somebody")

    ftp = Flow("10.1.1.25", "198.51.100.91", stage.at(11.2), port=6891, from_port=stage.port())
    ftp.say(True, "VER MSNFTP\r\n").say(False, "VER MSNFTP\r\n")
    ftp.say(True, "USR gate@hotmail.example 93301\r\n").say(False, "FIL 2000\r\n").say(True, "TFR\r\n")
    ftp.say(False, b"\0\xd0\x07" + bytes(2000)).say(False, b"\1\0\0").say(True, "BYE 16777989\r\n")
    stage.add(ftp.close())
    stage.true("rogue-im", "msn", "gate@hotmail.example")
    stage.true("file-transfer", "msn", "a file without a name from somebody")

    talk = Flow("10.1.1.26", "198.51.100.92", stage.at(11.6), port=2855, from_port=stage.port())
    here, there = "msrp://desk@10.1.1.26:2855/a1;tcp", "msrp://lobby@198.51.100.92:2855/b1;tcp"
    for number, words in enumerate(("see you at the lobby", "bring the visitor badge")):
        head = f"MSRP t{number}00 SEND\r\nTo-Path: {there}\r\nFrom-Path: {here}\r\nMessage-ID: m{number}\r\n"
        body = f"Byte-Range: 1-{len(words)}/{len(words)}\r\nContent-Type: text/plain\r\n\r\n{words}\r\n"
        talk.say(True, f"{head}{body}-------t{number}00$\r\n")
        talk.say(False, f"MSRP t{number}00 200 OK\r\nTo-Path: {here}\r\nFrom-Path: {there}\r\n-------t{number}00$\r\n")
    stage.add(talk.close())
    for risk in ("rogue-im", "peer-address-exposed"):  # its paths are addresses
        stage.true(risk, "sip", "desk@10.1.1.26")
    stage.true("cleartext-messages", "sip", "desk@10.1.1.26 ↔ lobby@198.51.100.92")

    odc = Flow("10.1.1.22", "198.51.100.93", stage.at(11.9), port=4443, from_port=stage.port())
    odc.say(True, odc_frame(b"toolmaker77", flags=0x60)).say(False, odc_frame(b"lathequeen", flags=0x60))
    odc.say(True, odc_frame(b"toolmaker77", b"<HTML>the drill is sharp again</HTML>"))
    odc.say(False, odc_frame(b"lathequeen", b"<HTML>good to know</HTML>"))
    stage.add(odc.close())

    chat = Chat("popcorn", "10.1.1.18", stage.at(12.5), stage.port())
    chat.offer("oldmate", "tickets.txt", 600, "10.1.1.18")
    dcc = Flow("198.51.100.94", "10.1.1.18", stage.at(12.6), port=50211, from_port=stage.port())
    dcc.say(False, b"row seven, seats one and two\n" * 20 + bytes(20)).say(True, (600).to_bytes(4, "big"))
    stage.add(chat, dcc.close())
    stage.true("policy-violation", "irc", "popcorn")


# --- accounts -------------------------------------------------------------------------------------------------------


@act(0, 1, 2, 3)
def a_shared_account(stage: Stage) -> None:
    """The hotline's three clerks log in as one."""
    for number in (8, 9, 10):
        client = stage.jabber("hotline@corp.example", number, 9.5 + number / 10)
        client.write("anna.keller@corp.example", "nothing waiting here, all tickets answered")
        stage.add(client)
    stage.true("account-shared", "jabber", "hotline@corp.example")


@act(0, 1, 2, 3)
def a_terminal_server(stage: Stage) -> None:
    """Many people on one host, as the policy knows."""
    for number, name in enumerate(("temp.first", "temp.second", "temp.third", "temp.fourth", "temp.fifth")):
        client = stage.jabber(f"{name}@corp.example", 29, 10 + number / 10)
        client.write("eva.lindqvist@corp.example", f"timesheet number {number + 41} is in the folder")
        stage.add(client)


@act(2)
def one_with_many_faces(stage: Stage) -> None:
    for number, name in enumerate(("greywolf", "sunflower", "mister.x", "cobalt", "rainman")):
        client = stage.jabber(f"{name}@corp.example", 30, 16 + number / 10)
        client.write("vera.novak@corp.example", f"did you enjoy show number {number}?")
        stage.add(client)
    stage.true("many-accounts", "jabber", "10.1.1.30")


@act(3)
def a_hijacked_account(stage: Stage) -> None:
    """Somebody in the workshop is Walter now, and short of money."""
    walter = stage.jabber("walter.stein@corp.example", 30, 11)
    walter.write("xenia.popa@corp.example",
                 "It's me. My wallet was stolen at the airport and I can't get home, "
                 "could you wire 900 euros to this account, I'll pay you back on Friday")  # fmt: skip
    walter.write("olga.petrova@corp.example",
                 "I lost my phone and wallet in Prague, can you send me some money by Western Union? "
                 "It's urgent")  # fmt: skip
    stage.add(walter)
    stage.true("account-shared", "jabber", "walter.stein@corp.example")
    stage.true("social-engineering", "jabber", "walter.stein@corp.example")


@act(3)
def an_impersonator(stage: Stage) -> None:
    """A Cyrillic letter in Chloe's name, and a zero in the service's own."""
    for number, (name, to) in enumerate(
        [
            ("chlo\u0435.martin@corp.example", "ben.osei@corp.example"),
            ("he1pdesk@corp.example", "rosa.delgado@corp.example"),
        ]
    ):  # fmt: skip
        client = stage.jabber(name, 30, 15 + number / 5)
        client.write(to, "hi, I am working from another place today, all fine with you?")
        stage.add(client)
        stage.true("impersonation", "jabber", name)


# --- malware --------------------------------------------------------------------------------------------------------


@act(1)
def a_worm_of_links(stage: Stage) -> None:
    """First Karim's client sends it to eight people within a minute, then two of those who clicked send it on."""
    lure = "haha is this really you on this picture?? http://203.0.113.199/party/img0231.scr"
    hops = [("karim.haddad", 11, range(12, 20)), ("nuno.tavares", 14, (1, 2, 3, 4)), ("rosa.delgado", 18, (5, 6, 7, 8))]
    from tests.scenario.company import jid

    for turn, (name, number, victims) in enumerate(hops):
        sender = stage.jabber(f"{name}@corp.example", number, 14 + turn / 60)
        for victim in victims:
            sender.write(jid(victim), lure)
        stage.add(sender)
        for risk in ("worm-propagation", "malicious-link", "social-engineering"):
            stage.true(risk, "jabber", f"{name}@corp.example")


@act(3)
def a_worm_of_files(stage: Stage) -> None:
    """As in 2001: the client opens one talk after the other and offers the same program."""
    name = "funny_president_game.exe"
    for number in range(6):
        friend = f"friend{'abcdef'[number]}@hotmail.example"
        client = Msn("driver@hotmail.example", "10.1.1.24", stage.at(15) + number * 5_000_000_000, stage.port(), friend)
        client.offer(name, 81_920)
        stage.add(client)
    stage.true("worm-propagation", "msn", "driver@hotmail.example")
    stage.true("risky-file", "msn", f"{name} from driver@hotmail.example")


@act(3)
def a_disguised_file(stage: Stage) -> None:
    client = stage.jabber("yusuf.demir@corp.example", 25, 16)
    client.offer("zoe.wallace@corp.example", "Reminder_invoice_8841.pdf.exe", 412_160)
    stage.add(client)
    stage.true("risky-file", "jabber", "Reminder_invoice_8841.pdf.exe from yusuf.demir@corp.example")


@act(2, 3)
def bad_links(stage: Stage) -> None:
    client = stage.jabber("quentin.roche@corp.example", 17, 13.5)
    client.write("giulia.conti@corp.example", "could be your parcel: https://www.paypa1.com/login/parcel?id=88121")
    stage.add(client)
    stage.true("malicious-link", "jabber", "quentin.roche@corp.example")


@act(0, 3)
def a_film(stage: Stage) -> None:
    client = Chat("popcorn", "10.1.1.18", stage.at(17), stage.port())
    client.offer("oldmate", "Night.Train.2025.1080p.WEB-DL.x264.mkv", 1_900_000_000, "10.1.1.18")
    stage.add(client)
    stage.true("copyright-media", "irc", "Night.Train.2025.1080p.WEB-DL.x264.mkv from popcorn")
    stage.true("policy-violation", "irc", "popcorn")


# --- words ----------------------------------------------------------------------------------------------------------


@act(2)
def a_leaver_takes_things_along(stage: Stage) -> None:
    bruno = stage.jabber("bruno.faria@corp.example", 28, 17)
    bruno.write("recruiter@rival.example", "STRICTLY CONFIDENTIAL: price list for the eastern customers, as promised")
    bruno.write("recruiter@rival.example", "their IBAN is DE89 3704 0044 0532 0130 00, the card 4012 8888 8888 1881")
    bruno.offer("recruiter@rival.example", "customer_database_export.zip", 48_300_000)
    stage.add(bruno)
    stage.true("sensitive-content", "jabber", "bruno.faria@corp.example")


@act(1, 3)
def a_key_in_the_chat(stage: Stage) -> None:
    client = stage.jabber("felix.brandt@corp.example", 6, 12.5)
    client.write("tilda.berg@corp.example", "take mine: -----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEAmadeup\n"
                                            "-----END RSA PRIVATE KEY-----")  # fmt: skip
    stage.add(client)
    stage.true("sensitive-content", "jabber", "felix.brandt@corp.example")


PHISHERS = {
    1: (
        "en",
        (
            "Dear user, this is the IT helpdesk. Your mailbox is full and will be closed today, "
            "reply with your username and password so we can extend it"
        ),
    ),
    2: (
        "fr",
        (
            "Bonjour, ici le service informatique. Votre boîte sera bloquée ce soir, "
            "merci de nous communiquer votre identifiant et votre mot de passe"
        ),
    ),
    3: (
        "de",
        (
            "Guten Tag, hier ist der IT-Support. Ihr Konto wird heute gesperrt, "
            "teilen Sie uns bitte Benutzername und Passwort mit"
        ),
    ),
}


@act(*PHISHERS)
def a_phisher(stage: Stage) -> None:
    """Each week another name, in another language."""
    tongue, words = PHISHERS[stage.week]
    client = Yahoo(f"accounts_{tongue}", "10.1.1.30", stage.at(9.3), stage.port())
    client.write("olddriver", words)
    stage.add(client)
    stage.true("social-engineering", "yahoo", f"accounts_{tongue}")


BULLIES = {
    1: "you are nothing but a stupid cow, everyone laughs at you",
    2: "shut your mouth you worthless piece of shit",
    3: "I will find you after work and break your legs",
}


@act(*BULLIES)
def a_bully(stage: Stage) -> None:
    client = stage.jabber("ulrich.vogel@corp.example", 21, 16.5)
    client.write("lea.fontaine@corp.example", BULLIES[stage.week])
    stage.add(client)
    stage.true("inappropriate-language", "jabber", "ulrich.vogel@corp.example")
    stage.company.worse.add(("inappropriate-language", "jabber", "ulrich.vogel@corp.example"))  # a threat, at last


@act(3)
def a_stalker(stage: Stage) -> None:
    """Forty messages from nine to five, and never an answer."""
    client = stage.jabber("hugo.ferreira@corp.example", 8, 9.1)
    for number in range(40):
        client.at(stage.at(9.2 + number * 0.19))
        client.write("marta.soler@corp.example", f"I saw you by the lift today, why don't you write back ({number})")
    stage.add(client)
    stage.true("policy-violation", "jabber", "hugo.ferreira@corp.example")


@act(0, 1, 2, 3)
def the_news(stage: Stage) -> None:
    """The announcer tells everybody the same, as the policy knows; a room is one message to many."""
    from tests.scenario.company import jid

    bot = stage.jabber("news@corp.example", 26, 8.5)
    for number in range(1, 27):
        bot.write(
            jid(number), "Canteen today: minestrone, trout with almonds. Menu: https://intranet.corp.example/menu"
        )
    bot.room("all@conference.corp.example", "Fire drill at three, see https://intranet.corp.example/drill")
    stage.add(bot)
