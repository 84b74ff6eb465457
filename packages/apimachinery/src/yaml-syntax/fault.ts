/** Where YAML cannot be read, as go-yaml says it: `line 2: did not find expected key`. */
export class YamlFault extends Error {
  override name = 'YamlFault';

  /** Lines count from 0, and 0 is taken for unknown: then the line of what the problem is part of is told, if any. */
  static ofTokens(problem: string, partOf: number, at: number): YamlFault {
    return YamlFault.#at(problem, at ? at + 1 : partOf);
  }

  /** Of the parser, whose tokens lie one line behind what is read. */
  static ofStructure(problem: string, partOf: number, at: number): YamlFault {
    return YamlFault.#at(problem, at || partOf);
  }

  static #at = (problem: string, line: number): YamlFault => new YamlFault(line ? `line ${line}: ${problem}` : problem);
}
