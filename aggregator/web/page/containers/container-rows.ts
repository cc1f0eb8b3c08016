import {
  CONTAINER_FIGURES,
  type ContainerColumns,
  type ContainerFigure,
  type SharedTexts,
} from "../../containers-shape.ts";

export type ContainerRow = {
  readonly node: string;
  readonly name: string;
  readonly image: string;
  readonly service: string;
  readonly state: string;
} & Readonly<Record<ContainerFigure, number | null>>;

export function containerRows(columns: ContainerColumns): ContainerRow[] {
  const textAt = ({ texts, at }: SharedTexts, place: number) => texts[at[place] ?? -1] ?? "";
  return columns.name.map((name, place) => {
    const figures: Partial<Record<ContainerFigure, number | null>> = {};
    for (const figure of CONTAINER_FIGURES) figures[figure] = columns[figure][place] ?? null;
    return {
      ...{ name, node: textAt(columns.node, place), image: textAt(columns.image, place) },
      ...{ service: textAt(columns.service, place), state: textAt(columns.state, place) },
      ...(figures as Record<ContainerFigure, number | null>),
    };
  });
}
