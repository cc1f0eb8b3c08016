#!/bin/sh
# Installs Telltale's programs and the agent's service.
set -eu

lib=/usr/lib/telltale
unit=/usr/lib/systemd/system/telltale-agent.service
config=/etc/telltale/agent.yaml
state=/var/lib/telltale/agent
user=telltale-agent
# Where systemd looks for programs by default: what is not there, a service does not find.
service_path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
dest=${DESTDIR:-}

usage() {
  cat <<USAGE
Usage: $0 [--uninstall [--purge]]

Installs Telltale from $root:
  $lib            programs and what they need
  /usr/bin/telltale, -agent, -aggregator   links to them
  $config   only if it is not there; never overwritten
  telltale-agent.service     run by the user "$user", who is made if need be
Run again, it upgrades; an agent that runs is restarted and loses nothing.

  --uninstall   stop the agent and remove all that, but keep $config and $state
  --purge       with --uninstall: remove these too, and the user
  --help        print this

DESTDIR=FOLDER installs below FOLDER, for packages and images: no user is made, no service touched.
Exit codes: 0 good, 1 failed, 2 wrong usage, or something that is needed is missing.
USAGE
}

say() { printf '%s\n' "$*"; }
die() { printf 'install.sh: %s\n' "$1" >&2; exit "${2:-2}"; }

has_systemd() { [ -z "$dest" ] && [ -d /run/systemd/system ]; }

require_root() {
  [ -n "$dest" ] || [ "$(id -u)" = 0 ] || die "needs root; try: sudo $0"
}

# shellcheck disable=SC2016  # the program is JavaScript, nothing for the shell to expand
require_node() {
  [ -n "$dest" ] || PATH=$service_path
  command -v node >/dev/null || die "no Node in $PATH. Telltale needs Node 20.19 or later there, where services look; if it is elsewhere: ln -s /path/to/node /usr/local/bin/node"
  node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' ||
    die "$(command -v node) is $(node --version); Telltale needs Node 20.19 or later"
}

# The new tree is made whole and tried before it takes the old one's place.
install_programs() {
  new=$dest$lib.new
  rm -rf "$new"
  mkdir -p "$dest${lib%/*}"
  node "$root/scripts/pack.mjs" "$new" >/dev/null || { rm -rf "$new"; exit 2; }
  if [ -z "$dest" ] && [ -f "$config" ]; then
    node "$new/dist/agent/main.js" --check-config --config "$config" >/dev/null ||
      { rm -rf "$new"; die "this version refuses $config; nothing was changed"; }
  fi
  rm -rf "$dest$lib.old"
  [ ! -d "$dest$lib" ] || mv "$dest$lib" "$dest$lib.old"
  mv "$new" "$dest$lib"
  rm -rf "$dest$lib.old"
  mkdir -p "$dest/usr/bin"
  link telltale cli
  link telltale-agent agent
  link telltale-aggregator aggregator
}

link() {
  path=$dest/usr/bin/$1
  [ ! -e "$path" ] || [ -L "$path" ] || die "$path is there already and not ours"
  ln -sfn "../lib/telltale/dist/$2/main.js" "$path"
}

install_user() {
  [ -z "$dest" ] || return 0
  getent passwd "$user" >/dev/null ||
    useradd --system --user-group --home-dir /nonexistent --no-create-home --shell /usr/sbin/nologin \
      "$user" || die "could not make the user $user" 1
}

install_service() {
  mkdir -p "$dest${config%/*}" "$dest${unit%/*}"
  [ -e "$dest$config" ] || install -m 644 "$root/systemd/agent.yaml" "$dest$config"
  install -m 644 "$root/systemd/telltale-agent.service" "$dest$unit"
  if has_systemd; then
    systemctl daemon-reload
    systemctl try-restart telltale-agent
  fi
}

uninstall() {
  if has_systemd && [ -e "$unit" ]; then
    systemctl disable --now telltale-agent 2>/dev/null || true
  fi
  rm -f "$dest$unit"
  for name in telltale telltale-agent telltale-aggregator; do
    path=$dest/usr/bin/$name
    case $(readlink "$path" || true) in ../lib/telltale/*) rm -f "$path" ;; esac
  done
  rm -rf "$dest$lib"
  if has_systemd; then systemctl daemon-reload; fi
  [ "$1" = purge ] || { say "Removed Telltale; kept $dest$config and $dest$state."; return; }
  rm -rf "$dest$config" "$dest$state"
  rmdir "$dest${config%/*}" "$dest${state%/*}" 2>/dev/null || true
  if [ -z "$dest" ] && getent passwd "$user" >/dev/null; then userdel "$user"; fi
  say "Removed Telltale, its configuration, state and user."
}

action=install
purge=keep
for argument in "$@"; do
  case $argument in
    --uninstall) action=uninstall ;;
    --purge) purge=purge ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; die "unknown argument: $argument" ;;
  esac
done
[ "$purge" = keep ] || [ "$action" = uninstall ] || die "--purge goes with --uninstall"

umask 022
require_root
if [ "$action" = uninstall ]; then
  uninstall "$purge"
  exit 0
fi
require_node
install_programs
install_user
install_service
say "Installed Telltale $(node -p 'require(process.argv[1]).version' "$dest$lib/package.json") in $dest$lib."
[ -z "$dest" ] || exit 0
say "Where the aggregator is on another machine, join it with a token made there:"
say "  telltale-agent join HOST TOKEN"
say "Then:"
say "  systemctl enable --now telltale-agent"
