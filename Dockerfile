# streamnn with its Kafka client, without torch: docker build -t streamnn:0.1.0 .
FROM python:3.11-slim-bookworm AS build

RUN python -m venv --without-pip /opt/streamnn
WORKDIR /src

# What it depends on changes less often than it does: a layer of its own.
COPY pyproject.toml constraints.txt ./
RUN python -c "import tomllib; p = tomllib.load(open('pyproject.toml', 'rb'))['project']; print(*p['dependencies'], *p['optional-dependencies']['kafka'], sep='\n')" > needs.txt \
 && pip --python /opt/streamnn/bin/python install --no-cache-dir --no-compile -c constraints.txt -r needs.txt

COPY . .
RUN pip --python /opt/streamnn/bin/python install --no-cache-dir --no-deps . \
 && find /opt/streamnn -type d -name tests -prune -exec rm -rf {} +


FROM python:3.11-slim-bookworm

# The folder is made here, so that a volume put there belongs to the user too.
RUN useradd --system --uid 10001 --home-dir /var/lib/streamnn --create-home streamnn \
 && install -d -o streamnn /var/cache/streamnn
COPY --from=build /opt/streamnn /opt/streamnn

ENV PATH=/opt/streamnn/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    NUMBA_CACHE_DIR=/var/cache/streamnn

USER streamnn
WORKDIR /var/lib/streamnn

# Compiled kernels stay in the image, not in a volume: they go when the code goes. Another kind of CPU compiles its own.
RUN streamnn replay flights --until 2000

ENTRYPOINT ["streamnn"]
CMD ["--help"]
