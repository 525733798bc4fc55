from imsniff.store import audits, query
from imsniff.store.opening import open_for_reading, open_for_writing
from imsniff.store.writer import Writer
from made import moment, session


def names(store, ids):
    return sorted(f.subject for f in query.findings(store, ids=list(ids)))


def taken(where, **how):
    with open_for_reading(where) as store:
        audit, earlier = audits.take(store, **how)
        change = audits.compared(audit, audits.previous(earlier, audit))
        return audit, *(names(store, part) for part in change)


def test_new_gone_and_standing(write, where):
    alice, bob, carol = (session(account=f"{name}@example.org") for name in ("alice", "bob", "carol"))
    write(alice, bob)
    audit, new, gone, standing = taken(where)
    assert (audit.id, len(new), gone, standing) == (1, 2, [], [])
    assert taken(where)[0].id == 1, "nothing new: the same audit, in another format"
    write(bob, carol)
    audit, new, gone, standing = taken(where)
    assert (audit.id, new, gone, standing) == (2, ["carol@example.org"], ["alice@example.org"], ["bob@example.org"])
    assert taken(where)[1:] == (new, gone, standing)


def test_a_run_that_read_nothing_makes_nothing_gone(write, where):
    write(session(account="alice@example.org"))
    taken(where)
    write()
    audit, _, gone, _ = taken(where)
    assert (audit.id, gone) == (1, [])


def test_before_anything_was_read_there_is_no_audit(where):
    open_for_writing(where).close()
    with open_for_reading(where) as store:
        assert audits.take(store) == (None, [])


def test_a_run_under_way_is_looked_at_again(where, clock):
    with open_for_writing(where) as store:
        writer = Writer(store, program="test", now=clock)
        from imsniff.detect import Detectors

        def see(name):
            for finding in Detectors().on_session(session(account=name)):
                writer.add(finding)
            writer.flush()

        see("alice")
        first, _ = audits.take(store, now=clock)
        assert first.open_run == writer.run
        see("bob")
        writer.read = True
        writer.close()
        second, earlier = audits.take(store, now=clock)
        assert second.id != first.id
        change = audits.compared(second, audits.previous(earlier, second))
        assert (names(store, change.new), names(store, change.standing)) == (["bob"], ["alice"])


def test_a_month_is_compared_with_another_month(write, where):
    write(session(0, account="alice"), session(100, account="bob"))
    first, new, _, _ = taken(where, since=moment(0), until=moment(50))
    assert new == ["alice"]
    second, new, gone, _ = taken(where, since=moment(50), until=moment(150))
    assert (new, gone) == (["bob"], ["alice"])
    again, new, gone, _ = taken(where, since=moment(50), until=moment(150))
    assert (again.id, new, gone) == (second.id, ["bob"], ["alice"])
    assert first.id != second.id


def test_an_audit_that_may_not_be_recorded(write, where):
    write(session())
    audit, new, _, _ = taken(where, record=False)
    assert audit.id is None
    assert len(new) == 1
