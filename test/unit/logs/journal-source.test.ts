import { describe, expect, test } from "vitest";
import {
  EntrySources,
  type FindContainer,
  lastingUnit,
} from "../../../agent/logs/journal/entry-source.ts";
import type { JournalEntry } from "../../../agent/logs/journal/export-parser.ts";
import { formatLabels } from "../../../shared/model/labels.ts";

const ID = "ab".repeat(32);
const COMPOSE = {
  "com.docker.compose.project": "shop",
  "com.docker.compose.service": "web",
};

const found: FindContainer = (id) =>
  id === ID ? { id, name: "shop-web-1", image: "nginx:1", labels: COMPOSE } : null;
const nobody: FindContainer = () => null;

function sourceOf(fields: Readonly<Record<string, string>>, find = nobody) {
  const entry: JournalEntry = {
    ...{ cursor: "", timeUs: null, message: null, bytesCut: 0 },
    fields: new Map(Object.entries(fields)),
  };
  return new EntrySources(find, { instance: "web1" }).of(entry);
}

const labelsOfFields = (fields: Readonly<Record<string, string>>, find = nobody) =>
  formatLabels(sourceOf(fields, find).labels);

describe("where an entry of the journal is from", () => {
  test.each<[fields: Readonly<Record<string, string>>, labels: string]>([
    [
      { _SYSTEMD_UNIT: "nginx.service", PRIORITY: "6", _TRANSPORT: "stdout", _COMM: "nginx" },
      '{instance="web1", job="journal", service="nginx", unit="nginx.service"}',
    ],
    [
      { _SYSTEMD_UNIT: "nginx.service", PRIORITY: "3", _TRANSPORT: "stdout" },
      '{instance="web1", job="journal", level="error", service="nginx", unit="nginx.service"}',
    ],
    [
      { _SYSTEMD_UNIT: "cron.service", PRIORITY: "6", _TRANSPORT: "syslog" },
      '{instance="web1", job="journal", level="info", service="cron", unit="cron.service"}',
    ],
    [
      { _SYSTEMD_UNIT: "user@1000.service", _SYSTEMD_USER_UNIT: "pipewire.service" },
      '{instance="web1", job="journal", service="pipewire", unit="pipewire.service"}',
    ],
    [
      { _SYSTEMD_UNIT: "session-17.scope", SYSLOG_IDENTIFIER: "sudo", PRIORITY: "5" },
      '{identifier="sudo", instance="web1", job="journal", level="notice", service="sudo"}',
    ],
    [
      { _TRANSPORT: "kernel", SYSLOG_IDENTIFIER: "kernel", PRIORITY: "0" },
      '{identifier="kernel", instance="web1", job="journal", level="fatal", service="kernel"}',
    ],
    [
      { _SYSTEMD_UNIT: "init.scope", SYSLOG_IDENTIFIER: "systemd", PRIORITY: "11" },
      '{identifier="systemd", instance="web1", job="journal", service="systemd"}',
    ],
    [
      { _SYSTEMD_UNIT: "a\u0007\u202eb.service", PRIORITY: "x" },
      '{instance="web1", job="journal", service="ab", unit="ab.service"}',
    ],
    [{ _COMM: "tool" }, '{identifier="tool", instance="web1", job="journal", service="tool"}'],
    [{}, '{instance="web1", job="journal"}'],
  ])("%j has the labels %s", (fields, labels) => {
    expect(labelsOfFields(fields)).toBe(labels);
  });

  test.each([
    ["nginx.service", "nginx.service"],
    ["getty@tty1.service", "getty@tty1.service"],
    ["postgresql@15-main.service", "postgresql@15-main.service"],
    ["wg-quick@wg0.service", "wg-quick@wg0.service"],
    ["session-12.scope", ""],
    [`docker-${ID}.scope`, ""],
    ["run-u12.service", ""],
    ["run-r0123456789abcdef.service", ""],
    ["sshd@7-10.0.0.1:22-10.0.0.2:50022.service", "sshd@.service"],
    ["systemd-coredump@0-12345-0.service", "systemd-coredump@.service"],
  ])("the unit %s lasts as %j", (unit, lasting) => {
    expect(lastingUnit(unit)).toBe(lasting);
  });
});

describe("lines of containers in the journal", () => {
  const docker = {
    ...{ _COMM: "dockerd", _UID: "0", _SYSTEMD_UNIT: "docker.service", PRIORITY: "3" },
    ...{ CONTAINER_NAME: "shop-web-1", CONTAINER_ID_FULL: ID, _TRANSPORT: "journal" },
  };
  const podman = {
    ...docker,
    _COMM: "conmon",
    _UID: "1000",
    IMAGE_NAME: "alpine:3",
    PRIORITY: "6",
  };

  test("they have the labels that their files would have", () => {
    expect(labelsOfFields(docker, found)).toBe(
      '{compose_project="shop", compose_service="web", container="shop-web-1", image="nginx:1", instance="web1", job="containers", service="web", stream="stderr"}',
    );
  });

  test("a container that nobody knows has the name that came along", () => {
    expect(labelsOfFields(docker)).toBe(
      '{container="shop-web-1", instance="web1", job="containers", service="shop-web-1", stream="stderr"}',
    );
  });

  test("a user's runtime names its container itself", () => {
    expect(labelsOfFields(podman, found)).toBe(
      '{container="shop-web-1", image="alpine:3", instance="web1", job="containers", service="shop-web-1", stream="stdout"}',
    );
  });

  test("a program that pretends to be a container is what it is", () => {
    const pretended = { ...docker, _COMM: "bash", _SYSTEMD_UNIT: "evil.service" };
    expect(labelsOfFields(pretended, found)).toBe(
      '{instance="web1", job="journal", level="error", service="evil", unit="evil.service"}',
    );
  });

  test.each([
    [{ CONTAINER_PARTIAL_MESSAGE: "true" }, true],
    [{ CONTAINER_PARTIAL_MESSAGE: "true", CONTAINER_PARTIAL_LAST: "false" }, true],
    [{ CONTAINER_PARTIAL_MESSAGE: "true", CONTAINER_PARTIAL_LAST: "true" }, false],
    [{}, false],
  ])("with %j a line goes on: %s", (fields, isPart) => {
    expect(sourceOf({ ...docker, ...fields }, found).isPart).toBe(isPart);
  });
});

test("programs of one unit do not share lines, and those of another priority have other labels", () => {
  const one = { _SYSTEMD_UNIT: "a.service", _TRANSPORT: "stdout", PRIORITY: "6", _PID: "1" };
  const sources = [one, { ...one, _PID: "2" }, { ...one, PRIORITY: "4" }].map((f) => sourceOf(f));
  expect(new Set(sources.map(({ key }) => key)).size).toBe(3);
  expect(new Set(sources.map(({ labels }) => formatLabels(labels))).size).toBe(2);
});

test("a line that journald cut goes on in the next entry", () => {
  const cut = { _SYSTEMD_UNIT: "a.service", _TRANSPORT: "stdout", _LINE_BREAK: "line-max" };
  expect(sourceOf(cut)).toMatchObject({ isPart: true, isPrinted: true });
  expect(sourceOf({ ...cut, _LINE_BREAK: "eof" })).toMatchObject({ isPart: false });
});
