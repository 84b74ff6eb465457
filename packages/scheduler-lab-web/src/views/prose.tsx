/** A paragraph with `code` between backticks. */
export function Prose({ text }: { text: string }) {
  return <p>{text.split('`').map((part, index) => (index % 2 ? <code key={`${index}${part}`}>{part}</code> : part))}</p>;
}
