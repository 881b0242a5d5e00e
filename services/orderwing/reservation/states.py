"""The two state machines of reservation, whole."""

from __future__ import annotations

from enum import StrEnum

from orderwing.reservation.rows import HoldState, RemoteState


class Happening(StrEnum):
    REQUEST = "request"
    ASK = "ask"  # a slip goes out
    RETURN = "return"  # the slip is back
    CLEAR = "clear"
    LAPSE = "lapse"
    RELEASE = "release"
    NEED = "need"  # units of a part were never found
    END = "end"


HOLD_STATES = {
    (HoldState.NEW, Happening.REQUEST): HoldState.SOFT,
    (HoldState.NEW, Happening.CLEAR): HoldState.FIRM,
    (HoldState.NEW, Happening.RELEASE): HoldState.RELEASED,
    (HoldState.SOFT, Happening.ASK): HoldState.ASKING,
    (HoldState.SOFT, Happening.CLEAR): HoldState.FIRM,
    (HoldState.SOFT, Happening.LAPSE): HoldState.LAPSED,
    (HoldState.SOFT, Happening.RELEASE): HoldState.RELEASED,
    (HoldState.ASKING, Happening.RETURN): HoldState.SOFT,
    (HoldState.ASKING, Happening.CLEAR): HoldState.FIRM_ASKING,
    (HoldState.ASKING, Happening.LAPSE): HoldState.LAPSED,
    (HoldState.ASKING, Happening.RELEASE): HoldState.RELEASED,
    (HoldState.LAPSED, Happening.RETURN): HoldState.LAPSED,
    (HoldState.LAPSED, Happening.CLEAR): HoldState.FIRM,
    (HoldState.LAPSED, Happening.RELEASE): HoldState.RELEASED,
    (HoldState.FIRM, Happening.ASK): HoldState.FIRM_ASKING,
    (HoldState.FIRM, Happening.NEED): HoldState.FIRM,
    (HoldState.FIRM, Happening.END): HoldState.ENDED,
    (HoldState.FIRM_ASKING, Happening.RETURN): HoldState.FIRM,
    (HoldState.FIRM_ASKING, Happening.NEED): HoldState.FIRM_ASKING,
    (HoldState.ENDED, Happening.NEED): HoldState.FIRM,
    (HoldState.RELEASED, Happening.RETURN): HoldState.RELEASED,
}
UNCLEARED = (HoldState.NEW, HoldState.SOFT, HoldState.ASKING, HoldState.LAPSED)
SOFTLY = (HoldState.SOFT, HoldState.ASKING)


class Word(StrEnum):
    """What home says of a remote hold."""

    KEEP = "keep"
    GIVE_BACK = "give_back"


REMOTE_STATES = {
    (RemoteState.ASKED, Word.KEEP): RemoteState.KEPT,
    (RemoteState.ASKED, Word.GIVE_BACK): RemoteState.GIVEN_BACK,
}
