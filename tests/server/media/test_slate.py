"""The frames that replace missing ones."""

import numpy as np

from server.media.slate import HOLD_S, REPEAT_INTERVAL_S, IdleFrame, slate

PICTURE = np.full((6, 4), 7, np.uint8)


def test_the_last_frame_is_held_then_the_slate_is_shown_until_the_source_reconnects():
    idle = IdleFrame()
    assert idle.wait(0.0) is None
    idle.new_frame(PICTURE, 0.0)
    assert idle.wait(0.1) == REPEAT_INTERVAL_S - 0.1
    assert idle.wait(REPEAT_INTERVAL_S) == 0
    idle.source_disconnected(1.0)
    idle.source_disconnected(2.0)  # it has disconnected already
    assert (idle.pop(1.0 + HOLD_S - 0.1) == PICTURE).all()
    card = idle.pop(1.0 + HOLD_S)
    assert (card == slate(4, 4)).all()
    assert idle.wait(1.0 + HOLD_S) == REPEAT_INTERVAL_S
    idle.new_frame(PICTURE, 5.0)  # a frame of the old connection
    assert (idle.pop(5.5) == card).all()
    idle.source_reconnected()
    assert (idle.pop(6.0) == card).all()
    idle.new_frame(PICTURE, 9.0)
    assert (idle.pop(9.0 + 2 * HOLD_S) == PICTURE).all()  # the source is connected


def test_the_slate_has_its_text_in_the_centre_at_any_size():
    for width, height in ((832, 480), (480, 832), (64, 36), (320, 192)):
        planes = slate(width, height)
        assert planes.shape == (height * 3 // 2, width)
        assert (planes[height:] == 128).all()
        inked = np.argwhere(planes[:height] > 100)
        if width >= 320:
            (top, left), (bottom, right) = inked.min(0), inked.max(0)
            assert abs((top + bottom) / 2 - height / 2) < 3
            assert abs((left + right) / 2 - width / 2) < width / 50
            assert 0.4 < (right - left) / width < 0.7
