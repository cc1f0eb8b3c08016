import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { eventually } from "../programs.ts";
import type { ExporterBed } from "./exporter-bed.ts";

type Prepared = {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
};

type Exporter = {
  /** Debian's packages. */
  readonly packages: readonly string[];
  /** @returns where its pages are, such as `http://127.0.0.1:9100` */
  start(bed: ExporterBed): Promise<string>;
};

/** Real exporters, each with what it looks at. What they start has the names that stand here. */
export const EXPORTERS: Readonly<Record<string, Exporter>> = {
  node: exporter("node"),
  process: exporter("process", [], async (bed) => {
    bed.start("sleeper", ["sleep", "100000"]);
    const names = "process_names: [{ name: '{{.Comm}}', cmdline: ['.+'] }]";
    return { args: [`--config.path=${bed.write("process.yml", names)}`] };
  }),
  blackbox: exporter("blackbox", [], async (bed) => {
    const modules = "modules: { http: { prober: http, http: { preferred_ip_protocol: ip4 } } }";
    return { args: [`--config.file=${bed.write("blackbox.yml", modules)}`] };
  }),
  nginx: exporter("nginx", ["nginx"], async (bed) => {
    const port = await bed.port();
    const config = bed.write("nginx.conf", nginxConfig(bed.path(), port));
    const log = bed.path("nginx-error.log");
    bed.start("nginx-server", ["nginx", "-p", bed.path(), "-c", config, "-e", log]);
    return { args: [`--nginx.scrape-uri=http://127.0.0.1:${port}/status`] };
  }),
  apache: exporter("apache", ["apache2"], async (bed) => {
    const port = await bed.port();
    const config = bed.write("apache.conf", apacheConfig(bed.path(), port));
    bed.start("apache-server", ["apache2", "-D", "FOREGROUND", "-f", config]);
    return { args: [`--scrape_uri=http://127.0.0.1:${port}/server-status/?auto`] };
  }),
  redis: exporter("redis", ["redis-server"], async (bed) => {
    const port = await bed.port();
    const folder = bed.path("redis");
    mkdirSync(folder);
    const args = ["--bind", "127.0.0.1", "--port", `${port}`, "--save", "", "--dir", folder];
    bed.start("redis-server", ["redis-server", ...args]);
    return { args: [`--redis.addr=redis://127.0.0.1:${port}`] };
  }),
  postgres: exporter("postgres", ["postgresql"], async (bed) => {
    const port = await bed.port();
    const [user, folder] = ["postgres", bed.folder("postgres", "postgres")];
    const programs = postgresPrograms();
    const init = ["-D", join(folder, "store"), "-A", "trust", "-U", user, "--no-sync"];
    bed.run([join(programs, "initdb"), ...init], user);
    const args = ["-D", join(folder, "store"), "-p", `${port}`, "-k", folder, "-h", "127.0.0.1"];
    bed.start("postgres-server", [join(programs, "postgres"), ...args], { user });
    const source = `postgresql://${user}@127.0.0.1:${port}/postgres?sslmode=disable`;
    return { env: { DATA_SOURCE_NAME: source } };
  }),
  mysqld: exporter("mysqld", ["mariadb-server"], async (bed) => {
    const port = await bed.port();
    const [user, folder] = ["mysql", bed.folder("mariadb", "mysql")];
    const where = ["--no-defaults", `--datadir=${join(folder, "store")}`];
    const login = ["--auth-root-authentication-method=normal", "--skip-test-db"];
    bed.run(["mariadb-install-db", ...where, ...login], user);
    const net = ["--bind-address=127.0.0.1", `--port=${port}`, `--socket=${folder}/socket`];
    bed.start("mariadb-server", ["mariadbd", ...where, ...net], { user });
    return { env: { DATA_SOURCE_NAME: `root@tcp(127.0.0.1:${port})/` } };
  }),
  pushgateway: exporter("pushgateway", [], async () => ({ args: ["--persistence.file="] })),
  haproxy: {
    packages: ["haproxy"],
    async start(bed) {
      const port = await bed.port();
      bed.start("haproxy", ["haproxy", "-db", "-f", bed.write("haproxy.cfg", haproxyConfig(port))]);
      return await ready(bed, "haproxy", `http://127.0.0.1:${port}`);
    },
  },
};

/** Of all exporters: those that are not installed here. */
export function missingPackages(): string[] {
  const packages = Object.values(EXPORTERS).flatMap((one) => one.packages);
  return packages.filter((name) => spawnSync("dpkg", ["--listfiles", name]).status !== 0);
}

function exporter(
  name: string,
  servers: readonly string[] = [],
  prepare: (bed: ExporterBed) => Promise<Prepared> = async () => ({}),
): Exporter {
  const program = `prometheus-${name}${name === "pushgateway" ? "" : "-exporter"}`;
  const flag = name === "apache" ? "--telemetry.address" : "--web.listen-address";
  return {
    packages: [program, ...servers],
    async start(bed) {
      const { args = [], env = {} } = await prepare(bed);
      const address = `127.0.0.1:${await bed.port()}`;
      bed.start(name, [program, `${flag}=${address}`, ...args], { env });
      return await ready(bed, name, `http://${address}`);
    },
  };
}

async function ready(bed: ExporterBed, name: string, origin: string): Promise<string> {
  await eventually(async () => (await fetch(`${origin}/metrics`)).ok).catch((cause) => {
    throw new Error(`${name} does not answer:\n${bed.log(name)}`, { cause });
  });
  return origin;
}

/** Where the newest of the versions that are installed has its programs. */
function postgresPrograms(): string {
  const versions = readdirSync("/usr/lib/postgresql").sort((a, b) => Number(b) - Number(a));
  return join("/usr/lib/postgresql", versions[0] ?? "", "bin");
}

const nginxConfig = (folder: string, port: number) => `daemon off; pid ${folder}/nginx.pid;
events { worker_connections 256; }
http {
  ${["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${folder}/${name};`)
    .join(" ")}
  access_log off;
  server { listen 127.0.0.1:${port}; location /status { stub_status; } }
}
`;

const apacheConfig = (folder: string, port: number) => `ServerRoot ${folder}
ServerName localhost
Listen 127.0.0.1:${port}
PidFile ${folder}/apache.pid
ErrorLog ${folder}/apache-error.log
${["mpm_event", "authz_core", "status"]
  .map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`)
  .join("\n")}
ExtendedStatus On
<Location "/server-status">
  SetHandler server-status
</Location>
`;

const haproxyConfig = (port: number) => `defaults
  mode http
  timeout connect 1s
  timeout client 10s
  timeout server 10s
frontend web
  bind 127.0.0.1:${port}
  http-request use-service prometheus-exporter if { path /metrics }
  default_backend shop
backend shop
  server own 127.0.0.1:${port}
  server away 127.0.0.1:1 check
`;
