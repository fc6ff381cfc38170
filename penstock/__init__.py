"""Penstock: Apache Flink jobs behind the REST API of Huawei Cloud DLI streaming jobs."""

__version__ = "0.1.0"
