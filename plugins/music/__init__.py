"""Music: a recurrent network learns piano pieces for two hands, and continues one."""

from sandbox.hookspecs import hookimpl


@hookimpl
def sandbox_register(registry):  # type: ignore[no-untyped-def]
    """The lab, by name."""
    registry.lab("music", "plugins.music.lab:MusicLab", summary="An LSTM learns piano pieces for two hands and continues one (MIDI, WAV)")
