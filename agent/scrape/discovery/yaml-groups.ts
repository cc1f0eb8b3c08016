import { keepSources, plainValue } from "../../../shared/config/fit-scalars.ts";
import { parseYaml, YamlRefusal } from "../../../shared/config/parse-yaml.ts";
import { OperationalError } from "../../../shared/errors.ts";

/**
 * The value of a YAML file of target groups, whose scalars are all texts. Loaded only where there is
 * such a file: the library stays in memory.
 * @throws OperationalError PARSE with the line
 */
export function readYamlValue(text: string): unknown {
  try {
    const { documents, lines } = parseYaml(text);
    const [document] = documents;
    if (document === undefined) return null;
    if (documents.length > 1) throw new YamlRefusal("several documents", 1);
    const [error] = document.errors;
    if (error !== undefined) {
      throw new YamlRefusal(error.message, lines.linePos(error.pos[0]).line);
    }
    if (document.contents === null) return null;
    keepSources(document);
    return plainValue(document);
  } catch (error) {
    if (!(error instanceof YamlRefusal)) throw error;
    throw new OperationalError("PARSE", `Line ${error.line}: ${error.message}`, { cause: error });
  }
}
