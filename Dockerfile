# The backend with its embedded simulator. It writes to /cache and /tmp only: the root may be read-only.

FROM python:3.13.9-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/butlr
WORKDIR /src
COPY requirements.lock ./
RUN /opt/butlr/bin/pip install --require-hashes --requirement requirements.lock
COPY pyproject.toml setup.py README.md LICENSE ./
COPY grafana-dashboards grafana-dashboards
COPY provisioning provisioning
COPY backend backend
RUN /opt/butlr/bin/pip install --no-deps --no-build-isolation .

FROM python:3.13.9-slim-bookworm
ENV PATH=/opt/butlr/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 MALLOC_ARENA_MAX=2 \
    BACKEND_HOST=0.0.0.0 BACKEND_PORT=8080 BACKEND_CACHE_DIR=/cache
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin butlr \
    && install --directory --owner butlr --group butlr /cache /run/butlr
COPY --from=build /opt/butlr /opt/butlr
USER 10001:10001
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f\"http://127.0.0.1:{os.environ['BACKEND_PORT']}/healthz\", timeout=2)"]
CMD ["butlr-grafana", "serve"]
