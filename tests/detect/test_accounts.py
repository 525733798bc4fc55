import pytest

from imsniff.base.limits import MAX_NAME
from imsniff.detect.accounts import normalise


@pytest.mark.parametrize(
    ("protocol", "written", "normal"),
    [
        ("oscar", "Alice In Wonderland", "aliceinwonderland"),
        ("toc", " Big Bob ", "bigbob"),
        ("icq", "100001", "100001"),
        ("xmpp", "Alice@Example.ORG/Work/2", "alice@example.org"),
        ("sip", '"Bob" <sip:Bob@Example.org:5062;transport=tcp>;tag=88', "Bob@example.org:5062"),
        ("sip", "SIPS:bob@EXAMPLE.org;x=1?y", "bob@example.org"),
        ("sip", "tel:+4912345", "+4912345"),
        ("msrp", "msrps://bob@h.example:7654/abc;tcp", "bob@h.example:7654/abc"),
        ("msnp", "Bob@Hotmail.COM", "bob@hotmail.com"),
        ("msnp", "1:Bob@hotmail.com;{F26D1F07-95E2-403C-BC18-D4BFED493428}", "bob@hotmail.com"),
        ("msnp", "a:b@hotmail.com", "a:b@hotmail.com"),
        ("irc", "Nick[away]\\~!user@host", "nick{away}|^"),
        ("ymsg", "Alice_Y", "alice_y"),
        ("unheard-of", " As Written ", "As Written"),
        ("xmpp", "/", ""),
    ],
)
def test_one_person_is_one_name(protocol, written, normal):
    assert normalise(protocol, written) == normal


@pytest.mark.parametrize("protocol", ["oscar", "xmpp", "sip", "msnp", "irc", "ymsg", "sametime", "gadu-gadu"])
def test_normal_names_are_normal_and_short(protocol):
    for name in ("A b@C/d;e", "<" * 5000, "x" * 5000, "<sip:" * 500, "\x00\u202e"):
        normal = normalise(protocol, name)
        assert len(normal) <= MAX_NAME
        assert normalise(protocol, normal) == normal
