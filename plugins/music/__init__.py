"""Music: a recurrent network learns piano pieces for two hands, and continues one."""

from sandbox.registry.hookspecs import hookimpl


@hookimpl
def sandbox_register(registry):  # type: ignore[no-untyped-def]
    """Register the lab and its pieces."""
    registry.dataset(
        "etudes",
        "envs.datasets.etudes:etudes",
        summary="Piano pieces for two hands, composed by the program from a seed",
    )
    registry.dataset(
        "folder",
        "envs.datasets.pieces:read_folder",
        summary="Piano pieces from a folder of MIDI files (--data DIR)",
    )
    registry.command(
        "generate",
        "plugins.music.command:generate",
        summary="Let a music run continue a piece.",
    )
    registry.lab(
        "music",
        "plugins.music.lab:MusicLab",
        summary="An LSTM learns piano pieces for two hands and continues one (MIDI, WAV)",
        agents=False,
    )
