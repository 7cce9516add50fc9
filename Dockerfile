# syntax=docker/dockerfile:1
# docs/install.md says how it is built and run, with TensorFlow and CUDA, too.
ARG PYTHON=3.11

FROM python:${PYTHON}-slim AS wheel
WORKDIR /build
COPY pyproject.toml README.md LICENSE ./
COPY requirements requirements
COPY sis_keras sis_keras
RUN pip wheel --no-cache-dir --no-deps --wheel-dir=wheel .

FROM python:${PYTHON}-slim
# Extras of pyproject.toml; and packages, such as tensorflow[and-cuda].
ARG EXTRAS=video,formats
ARG PACKAGES=""
WORKDIR /build
# opencv-python wants libGL.so.1 and a screen's libraries, which are not here:
# the same OpenCV without windows takes its place.
RUN --mount=type=bind,from=wheel,source=/build/wheel,target=/build/wheel \
    pip install --no-cache-dir "$(ls wheel/*.whl)[${EXTRAS}]" ${PACKAGES} \
    && if pip show --quiet opencv-python; then \
        version=$(pip show opencv-python | sed -n 's/^Version: //p') \
        && pip uninstall --yes opencv-python \
        && pip install --no-cache-dir "opencv-python-headless==${version}"; \
    fi
RUN useradd --create-home deblur
USER deblur
WORKDIR /pictures
ENTRYPOINT ["sis-deblur"]
CMD ["--help"]
