"""The same work on our runner, on faust-streaming, on quixstreams and in a bare loop, on one broker."""
