import { lessons } from '../lessons/index.ts';

/** All lessons, in the order they are best taken. */
export function LessonsPage() {
  return (
    <div class="lessons">
      <h1>Lessons</h1>
      <p class="lead">Ten minutes each, on nodes of their own that only pretend to run containers. Do what a step asks here or with kubectl: the page sees both. When you finish, or a quarter of an hour after you left, everything is cleared away.</p>
      <ol>
        {lessons.map((lesson, index) => (
          <li key={lesson.id}>
            <a href={`#/lessons/${lesson.id}`}>
              <span class="number" aria-hidden="true">{index + 1}</span>
              <span><b>{lesson.title}</b><span class="quiet">{lesson.about}</span></span>
            </a>
          </li>
        ))}
      </ol>
    </div>
  );
}
