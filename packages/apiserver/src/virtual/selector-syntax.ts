const key = String.raw`(?:[a-z0-9][-a-z0-9.]*\/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?`;
const value = String.raw`(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)?`;
const requirement = `(?:!\\s*${key}|${key}(?:\\s*(?:==|=|!=)\\s*${value}|\\s*[<>]\\s*\\d+|\\s+(?:in|notin)\\s*\\(\\s*${value}(?:\\s*,\\s*${value})*\\s*\\))?)`;
const selector = new RegExp(`^\\s*(?:${requirement}(?:\\s*,\\s*${requirement})*)?\\s*$`);

/** Whether the text is a label selector: `a=b,c in (d,e),!f`. */
export const isLabelSelector = (text: string): boolean => text.length < 4096 && selector.test(text);
