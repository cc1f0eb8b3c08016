/**
 * Programs that can be scraped, and where they listen unless told otherwise. Source: the page "Default
 * port allocations" of Prometheus' wiki, of the most used ones.
 */
const PORT_OF: Readonly<Record<string, number>> = {
  alertmanager: 9093,
  apache_exporter: 9117,
  blackbox_exporter: 9115,
  consul_exporter: 9107,
  elasticsearch_exporter: 9114,
  grafana: 3000,
  haproxy_exporter: 9101,
  jmx_exporter: 9404,
  kafka_exporter: 9308,
  memcached_exporter: 9150,
  mongodb_exporter: 9216,
  mysqld_exporter: 9104,
  nginx_exporter: 9113,
  node_exporter: 9100,
  "php-fpm_exporter": 9253,
  postgres_exporter: 9187,
  process_exporter: 9256,
  prometheus: 9090,
  pushgateway: 9091,
  rabbitmq_exporter: 9419,
  redis_exporter: 9121,
  smartctl_exporter: 9633,
  snmp_exporter: 9116,
  statsd_exporter: 9102,
  systemd_exporter: 9558,
};

/** Ports that others use as well say nothing by themselves. */
const SHARED_PORTS: ReadonlySet<number> = new Set([3000]);
const BY_PORT = new Map(
  Object.entries(PORT_OF)
    .filter(([, port]) => !SHARED_PORTS.has(port))
    .map(([name, port]) => [port, name]),
);
/** The kernel keeps 15 characters of a program's name, and distributions put words before it. */
const NAME = /export|^(?:prometheus|alertmanager|pushgateway|cadvisor|grafana)\b/i;
const NAME_KEPT = 15;

/** What probably listens on the port; null: nobody knows. */
export function exporterAt(port: number): string | null {
  return BY_PORT.get(port) ?? null;
}

/** Whether a program's name, or an image's, is one that can be scraped. */
export function isExporter(name: string): boolean {
  return NAME.test(name);
}

/** Where a program of this name listens unless told otherwise; null: nobody knows. */
export function portOf(program: string): number | null {
  const plain = program
    .replace(/^prometheus-/, "")
    .replaceAll("-", "_")
    .slice(0, NAME_KEPT);
  const known = Object.keys(PORT_OF).find((name) => {
    return name.replaceAll("-", "_").slice(0, Math.min(NAME_KEPT, plain.length)) === plain;
  });
  return known === undefined ? null : (PORT_OF[known] ?? null);
}
