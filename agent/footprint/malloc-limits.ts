import { loadCLibrary } from "../../shared/platform/c-library.ts";

/** Source: mallopt(3) and malloc.h of the GNU C library. */
const M_MMAP_THRESHOLD = -3;
const M_ARENA_MAX = -8;
const MMAP_BYTES = 128 * 1024;

/**
 * Has the C library give back what is freed. By itself it makes a heap for each thread, and keeps
 * larger and larger blocks in them once some were freed, such as buffers, and LevelDB's tables. To be
 * called before most threads begin. False where there is no such call.
 */
export function limitMalloc(): boolean {
  try {
    const mallopt = loadCLibrary().func("int mallopt(int parameter, int value)");
    return mallopt(M_ARENA_MAX, 1) === 1 && mallopt(M_MMAP_THRESHOLD, MMAP_BYTES) === 1;
  } catch {
    return false; // musl has no such call, and it runs as well without
  }
}
