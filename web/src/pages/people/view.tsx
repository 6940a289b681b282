// People: a grid of them, those who are hidden, questions about them, and the photos of one.

import "./people.css";
import { route } from "../../lib/address";
import { PeopleGrid } from "./grid";
import { PersonPage } from "./person";
import { QuestionsPage } from "./questions";

export function PeoplePage() {
  const [, second] = route.value.segments;
  const space = route.value.query.get("space") ?? undefined;
  switch (second) {
    case undefined:
      return <PeopleGrid key={space} space={space} isHidden={false} />;
    case "hidden":
      return <PeopleGrid key={`hidden ${space}`} space={space} isHidden />;
    case "questions":
      return <QuestionsPage space={space} />;
    default:
      return <PersonPage key={second} id={second} />;
  }
}
