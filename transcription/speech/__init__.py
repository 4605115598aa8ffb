"""Speech: recordings to PCM (`decode`), PCM to turns (`turns`), turns to text (`vosk_engine`, `whisper_engine`)."""
