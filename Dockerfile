# The venv is built in one stage and copied into the other, so the image carries no build tools.

FROM python:3.12-slim AS build
ENV PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1
RUN ["python", "-m", "venv", "--without-pip", "/opt/leadrelay"]
WORKDIR /src
# The dependencies alone first: this layer stays while only our own code changes.
COPY pyproject.toml constraints.txt ./
# The image can be any role: `serve` alone, or web, worker and scheduler (compose.scaled.yaml).
RUN python -c "import tomllib; p = tomllib.load(open('pyproject.toml', 'rb'))['project']; print(*p['dependencies'], *p['optional-dependencies']['scaled'], sep='\n')" > requirements.txt \
    && pip --python /opt/leadrelay install -c constraints.txt -r requirements.txt
COPY . .
RUN ["pip", "--python", "/opt/leadrelay", "install", "--no-deps", "."]

FROM python:3.12-slim
ENV PATH=/opt/leadrelay/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    MALLOC_ARENA_MAX=2 \
    LEADRELAY_HOST=0.0.0.0 \
    LEADRELAY_PORT=8000 \
    LEADRELAY_DATABASE_URL=sqlite:////data/leadrelay.db \
    LEADRELAY_PLAYBOOK=/data/playbook
RUN install -d -o 10001 -g 10001 /data
COPY --from=build /opt/leadrelay /opt/leadrelay
WORKDIR /data
USER 10001:10001
VOLUME ["/data"]
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=4s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['LEADRELAY_PORT'] + '/healthz', timeout=3)"]
ENTRYPOINT ["leadrelay"]
CMD ["serve"]
