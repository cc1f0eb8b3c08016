/**
 * Which store belongs to which destination. The store of the data directory itself, the only one
 * where nothing is mirrored, is that of the first destination without one of its own; each of the
 * others has a folder of its name. So a destination keeps its store when the others change or move,
 * and what waited in an ordinary buffer goes to the first mirror.
 * @param names of the destinations
 * @param found folders that are there
 * @returns the folder of each destination, in their order, null for the data directory itself; and
 *   those of destinations that are no more
 */
export function mirrorStores(names: readonly string[], found: readonly string[]) {
  const owner = names.find((name) => !found.includes(name));
  return {
    folders: names.map((name) => (name === owner ? null : name)),
    unused: found.filter((folder) => !names.includes(folder)),
  };
}
