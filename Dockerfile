# The backend with its embedded simulator. It writes to /cache and /tmp only: the root may be read-only.

FROM python:3.13.9-slim-bookworm AS build
# pip installs from one environment into the other, so that it is not in the image.
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_PYTHON=/opt/butlr/bin/python
RUN python -m venv /opt/pip && python -m venv --without-pip /opt/butlr
WORKDIR /src
COPY requirements.lock ./
RUN /opt/pip/bin/pip install --require-hashes --requirement requirements.lock
COPY pyproject.toml setup.py README.md LICENSE ./
COPY grafana-dashboards grafana-dashboards
COPY provisioning provisioning
COPY docs/runbooks docs/runbooks
COPY backend backend
RUN /opt/pip/bin/pip install --no-deps --no-build-isolation . && /opt/pip/bin/pip uninstall --yes setuptools

FROM python:3.13.9-slim-bookworm
ENV PATH=/opt/butlr/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 MALLOC_ARENA_MAX=2 \
    BACKEND_HOST=0.0.0.0 BACKEND_PORT=8080 BACKEND_CACHE_DIR=/cache
RUN rm -rf /usr/local/lib/python3.*/site-packages/pip* /usr/local/lib/python3.*/ensurepip /usr/local/bin/pip* \
    && useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin butlr \
    && install --directory --owner butlr --group butlr /cache /run/butlr
COPY --from=build /opt/butlr /opt/butlr
USER 10001:10001
EXPOSE 8080
# Often, as nobody is sent here before the first success; and cheap: without imports that take their time.
HEALTHCHECK --interval=3s --timeout=3s --start-period=60s --retries=5 CMD ["python", "-IS", "-c", "\
import os, socket; \
probe = socket.create_connection(('127.0.0.1', int(os.environ['BACKEND_PORT'])), 2); \
probe.sendall(b'GET /healthz HTTP/1.0\\r\\n\\r\\n'); \
raise SystemExit(b' 200 ' not in probe.recv(64))"]
CMD ["butlr-grafana", "serve"]
