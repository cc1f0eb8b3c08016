/** The heads of a table's columns; those of numbers stand on the right. */
export function HeadCells(props: {
  readonly heads: readonly string[];
  readonly numbers: readonly string[];
}) {
  return props.heads.map((head) => (
    <th scope="col" key={head} class={props.numbers.includes(head) ? "number" : ""}>
      {head}
    </th>
  ));
}
