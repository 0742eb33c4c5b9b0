# syntax=docker/dockerfile:1
# One image, the role is its argument: api (default), worker, exporter, sandbox, migrate. A release pins PYTHON_IMAGE by digest.
ARG PYTHON_IMAGE=python:3.13-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
COPY requirements.lock /build/
RUN --mount=type=cache,target=/var/cache/pip \
    python -m venv /venv \
    && PIP_CACHE_DIR=/var/cache/pip /venv/bin/pip install --no-input --require-hashes -r /build/requirements.lock

FROM ${PYTHON_IMAGE}
ARG REVISION=unknown
LABEL org.opencontainers.image.title="sluice" org.opencontainers.image.revision="${REVISION}"
ENV PATH=/venv/bin:$PATH \
    PYTHONPATH=/sluice \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PROMETHEUS_DISABLE_CREATED_SERIES=true \
    SLUICE_HTTP_HOST=0.0.0.0 \
    SLUICE_METRICS_HOST=0.0.0.0 \
    SLUICE_METRICS_PORT=9464 \
    SLUICE_RUN_DIR=/tmp/sluice
COPY --from=build /venv /venv
WORKDIR /sluice
COPY alembic.ini ./
COPY alembic alembic
COPY openapi openapi
COPY app app
COPY workers workers
USER 10001:10001
EXPOSE 8080 9464
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:9464/livez', timeout=2)"]
ENTRYPOINT ["python", "-c", "import sys; sys.argv[0] = 'sluice'; from app.cli.main import run; sys.exit(run())"]
CMD ["api"]
