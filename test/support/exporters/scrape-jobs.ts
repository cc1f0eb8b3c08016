/** Jobs of all kinds for the exporters behind a recorder; each target has its name as the label `target`. */
export function scrapeJobs(recorder: string, probed: readonly string[]): string {
  return `
global: { scrape_interval: 5s, scrape_timeout: 4s }
scrape_configs:
  - job_name: node
    metrics_path: /node/metrics
    static_configs: [{ targets: ["${recorder}"], labels: { target: node, Env: Production } }]
    relabel_configs:
      - { source_labels: [Env], target_label: env, action: lowercase }
      - { regex: Env, action: labeldrop }
      - { source_labels: [__metrics_path__], regex: "/(.+)/(.+)", target_label: path, replacement: "$2-\${1}" }
    metric_relabel_configs:
      - { source_labels: [__name__, collector], regex: "node_scrape_collector_.+;(arp|bcache|bonding)", action: drop }
      - { source_labels: [device], regex: "(.*)", target_label: dev }
      - { regex: device, action: labeldrop }
      - { source_labels: [__name__], regex: "node_(memory|netstat)_(.+)", target_label: __name__, replacement: "host_\${1}_$2" }
      - { source_labels: [__name__, mode], regex: "node_cpu_seconds_total;(.*)", target_label: kind, replacement: "cpu-$1" }
      - { source_labels: [instance, cpu], separator: "/", target_label: shard, modulus: 7, action: hashmod }
  - job_name: merged
    metrics_path: /node/metrics
    params: { "collect[]": [cpu, loadavg, netclass] }
    scrape_interval: 10s
    static_configs: [{ targets: ["${recorder}"], labels: { target: merged } }]
    metric_relabel_configs:
      - { regex: "cpu|device", action: labeldrop }
  - job_name: process
    metrics_path: /process/metrics
    scrape_interval: 2s
    scrape_timeout: 2s
    static_configs: [{ targets: ["${recorder}"], labels: { target: process } }]
    metric_relabel_configs:
      - { source_labels: [groupname], regex: "(node|prometheus.*|sleep|)", action: keep }
      - { regex: "group(.*)", action: labelmap, replacement: "process_$1" }
  - job_name: blackbox
    metrics_path: /blackbox/probe
    params: { module: [http] }
    static_configs: [{ targets: [${probed.map((url) => `"${url}"`).join(", ")}] }]
    relabel_configs:
      - { source_labels: [__address__], target_label: __param_target }
      - { source_labels: [__param_target], target_label: instance }
      - { source_labels: [__address__], target_label: target, regex: ".*:(\\\\d+)/.*", replacement: "probe-$1" }
      - { target_label: __address__, replacement: "${recorder}" }
  - job_name: nginx
    metrics_path: /nginx/metrics
    scrape_interval: 1s
    scrape_timeout: 1s
    static_configs: [{ targets: ["${recorder}"], labels: { target: nginx } }]
  - job_name: apache
    metrics_path: /apache/metrics
    scrape_interval: 2s
    scrape_timeout: 2s
    static_configs: [{ targets: ["${recorder}"], labels: { target: apache, version: own } }]
  - job_name: redis
    metrics_path: /redis/metrics
    scrape_interval: 2s
    scrape_timeout: 2s
    static_configs: [{ targets: ["${recorder}"], labels: { target: redis } }]
  - job_name: postgres
    metrics_path: /postgres/metrics
    scrape_interval: 10s
    static_configs: [{ targets: ["${recorder}"], labels: { target: postgres, server: mine } }]
  - job_name: mysqld
    metrics_path: /mysqld/metrics
    static_configs: [{ targets: ["${recorder}"], labels: { target: mysqld } }]
    metric_relabel_configs:
      - { source_labels: [command], regex: "(.)(.*)", target_label: first, replacement: "$1" }
  - job_name: haproxy
    metrics_path: /haproxy/metrics
    scrape_interval: 1s
    scrape_timeout: 1s
    static_configs: [{ targets: ["${recorder}"], labels: { target: haproxy, proxy: edge } }]
  - job_name: prometheus
    metrics_path: /prometheus/metrics
    static_configs: [{ targets: ["${recorder}"], labels: { target: prometheus, handler: none } }]
    relabel_configs:
      - { source_labels: [__address__], regex: ".*:(.*)", target_label: instance, replacement: "self:$1" }
  - job_name: alertmanager
    metrics_path: /alertmanager/metrics
    scrape_interval: 15s
    static_configs: [{ targets: ["${recorder}"], labels: { target: alertmanager } }]
  - job_name: pushgateway
    metrics_path: /pushgateway/metrics
    honor_labels: true
    scrape_interval: 3s
    scrape_timeout: 3s
    static_configs: [{ targets: ["${recorder}"], labels: { target: pushgateway, team: shop } }]
  - job_name: pushed
    metrics_path: /pushgateway/metrics
    params: { again: ["1"] }
    sample_limit: 70
    static_configs: [{ targets: ["${recorder}"], labels: { target: pushed, team: shop } }]
`;
}
