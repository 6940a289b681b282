// The panorama viewer: WebGL draws, for every pixel of the screen, the picture in its direction. A sphere is treated
// as equirectangular; any other panorama as the inside of a cylinder.

/** The direction of the camera. Angles are radians. */
export interface View {
  readonly yaw: number;
  readonly pitch: number;
  /** Vertical angle of view. */
  readonly fov: number;
}

/** The extent of the picture, in radians. */
export interface Extent {
  readonly width: number;
  readonly height: number;
}

const FULL: Extent = { width: 2 * Math.PI, height: Math.PI };
const MIN_FOV = 0.35;
const MAX_FOV = 1.75;
/** Assumed vertical angle of a panorama without metadata: that of a phone held upright. */
const PANORAMA_HEIGHT = 1.05;

export function extentOf(aspect: number, isFull: boolean): Extent {
  if (isFull) return FULL;
  return { width: Math.min(2 * Math.PI, PANORAMA_HEIGHT * aspect), height: PANORAMA_HEIGHT };
}

/** Keeps a view inside the picture. `aspect`: width to height of the screen. */
export function bounded(view: View, extent: Extent, aspect: number): View {
  const widest = 2 * Math.atan(Math.tan(MAX_FOV / 2));
  const fov = Math.min(Math.max(view.fov, MIN_FOV), Math.min(widest, extent.height));
  const across = 2 * Math.atan(Math.tan(fov / 2) * aspect);
  const free = (size: number, shown: number) => Math.max(0, (size - shown) / 2);
  const limit = (value: number, most: number) => Math.min(most, Math.max(-most, value));
  const isClosed = extent.width >= 2 * Math.PI - 1e-6;
  const top = extent.height >= Math.PI - 1e-6 ? Math.PI / 2 : free(extent.height, fov);
  const yaw = isClosed ? wrapped(view.yaw) : limit(view.yaw, free(extent.width, across));
  return { yaw, pitch: limit(view.pitch, top), fov };
}

/** The same direction, from -π to π. */
function wrapped(angle: number): number {
  const turn = 2 * Math.PI;
  return ((((angle + Math.PI) % turn) + turn) % turn) - Math.PI;
}

const VERTEX = `
attribute vec2 corner;
varying vec2 at;
void main() { at = corner; gl_Position = vec4(corner, 0.0, 1.0); }`;

const FRAGMENT = `
precision highp float;
varying vec2 at;
uniform sampler2D picture;
uniform vec2 extent;
uniform vec2 half_view;
uniform float yaw;
uniform float pitch;
uniform bool is_cylinder;
void main() {
  vec3 d = vec3(at * half_view, -1.0);
  float c = cos(pitch), s = sin(pitch);
  d = vec3(d.x, c * d.y - s * d.z, s * d.y + c * d.z);
  float across = atan(d.x, -d.z) + yaw;
  across -= 6.283185307 * floor((across + 3.141592654) / 6.283185307);
  float flat_length = length(d.xz);
  float up = is_cylinder ? (d.y / flat_length) / (2.0 * tan(extent.y / 2.0)) : atan(d.y, flat_length) / extent.y;
  vec2 uv = vec2(across / extent.x + 0.5, 0.5 - up);
  bool is_outside = uv.x < 0.0 || uv.x > 1.0 || uv.y < 0.0 || uv.y > 1.0;
  gl_FragColor = is_outside ? vec4(0.0, 0.0, 0.0, 1.0) : texture2D(picture, uv);
}`;

export class SphereView {
  #view: View = { yaw: 0, pitch: 0, fov: 1.2 };
  readonly #gl: WebGLRenderingContext;
  readonly #places: Record<string, WebGLUniformLocation | null>;
  readonly #pointers = new Map<number, { x: number; y: number }>();
  readonly #observer: ResizeObserver;
  #frame = 0;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    picture: HTMLImageElement,
    private readonly extent: Extent,
  ) {
    const gl = canvas.getContext("webgl", { antialias: false });
    if (!gl) throw new Error("this browser has no WebGL");
    this.#gl = gl;
    const program = link(gl);
    gl.useProgram(program);
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([-1, -1, 1, -1, -1, 1, 1, 1]), gl.STATIC_DRAW);
    const corner = gl.getAttribLocation(program, "corner");
    gl.enableVertexAttribArray(corner);
    gl.vertexAttribPointer(corner, 2, gl.FLOAT, false, 0, 0);
    const names = ["extent", "half_view", "yaw", "pitch", "is_cylinder"];
    this.#places = Object.fromEntries(names.map((name) => [name, gl.getUniformLocation(program, name)]));
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGB, gl.RGB, gl.UNSIGNED_BYTE, fitting(picture, gl));
    canvas.addEventListener("pointerdown", this.#onDown);
    canvas.addEventListener("pointermove", this.#onMove);
    canvas.addEventListener("pointerup", this.#onUp);
    canvas.addEventListener("pointercancel", this.#onUp);
    canvas.addEventListener("wheel", this.#onWheel, { passive: false });
    this.#observer = new ResizeObserver(() => this.look({}));
    this.#observer.observe(canvas);
    this.look({});
  }

  get view(): View {
    return this.#view;
  }

  destroy(): void {
    cancelAnimationFrame(this.#frame);
    this.#observer.disconnect();
    this.#gl.getExtension("WEBGL_lose_context")?.loseContext();
  }

  /** Rotates and zooms. */
  look(change: Partial<View>): void {
    const aspect = this.canvas.clientWidth / Math.max(1, this.canvas.clientHeight);
    this.#view = bounded({ ...this.#view, ...change }, this.extent, aspect);
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.#draw());
  }

  /** Rotates by a key; false if the key has no effect. */
  key(key: string): boolean {
    const { yaw, pitch, fov } = this.#view;
    const step = fov / 8;
    const changes: Record<string, Partial<View>> = {
      ArrowLeft: { yaw: yaw - step },
      ArrowRight: { yaw: yaw + step },
      ArrowUp: { pitch: pitch + step },
      ArrowDown: { pitch: pitch - step },
      "+": { fov: fov * 0.8 },
      "-": { fov: fov / 0.8 },
    };
    const change = changes[key];
    if (change) this.look(change);
    return change !== undefined;
  }

  #draw(): void {
    this.#frame = 0;
    const { canvas } = this;
    const gl = this.#gl;
    canvas.width = Math.round(canvas.clientWidth * devicePixelRatio);
    canvas.height = Math.round(canvas.clientHeight * devicePixelRatio);
    gl.viewport(0, 0, canvas.width, canvas.height);
    const { yaw, pitch, fov } = this.#view;
    const half = Math.tan(fov / 2);
    gl.uniform2f(this.#places.extent ?? null, this.extent.width, this.extent.height);
    gl.uniform2f(this.#places.half_view ?? null, (half * canvas.width) / Math.max(1, canvas.height), half);
    gl.uniform1f(this.#places.yaw ?? null, yaw);
    gl.uniform1f(this.#places.pitch ?? null, pitch);
    gl.uniform1i(this.#places.is_cylinder ?? null, this.extent.height < Math.PI - 1e-6 ? 1 : 0);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
  }

  readonly #onDown = (event: PointerEvent) => {
    this.canvas.setPointerCapture(event.pointerId);
    this.#pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  };

  readonly #onMove = (event: PointerEvent) => {
    const before = this.#pointers.get(event.pointerId);
    if (!before) return;
    const now = { x: event.clientX, y: event.clientY };
    const { yaw, pitch, fov } = this.#view;
    const other = [...this.#pointers].find(([id]) => id !== event.pointerId)?.[1];
    this.#pointers.set(event.pointerId, now);
    if (other) {
      const distance = (p: { x: number; y: number }) => Math.max(1, Math.hypot(p.x - other.x, p.y - other.y));
      return this.look({ fov: (fov * distance(before)) / distance(now) });
    }
    const angle = fov / Math.max(1, this.canvas.clientHeight);
    this.look({ yaw: yaw - (now.x - before.x) * angle, pitch: pitch + (now.y - before.y) * angle });
  };

  readonly #onUp = (event: PointerEvent) => {
    this.#pointers.delete(event.pointerId);
  };

  readonly #onWheel = (event: WheelEvent) => {
    event.preventDefault();
    this.look({ fov: this.#view.fov * Math.exp(event.deltaY / 500) });
  };
}

function link(gl: WebGLRenderingContext): WebGLProgram {
  const program = gl.createProgram();
  for (const [type, source] of [
    [gl.VERTEX_SHADER, VERTEX],
    [gl.FRAGMENT_SHADER, FRAGMENT],
  ] as const) {
    const shader = gl.createShader(type);
    if (!shader) throw new Error("WebGL makes no shader");
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) {
    throw new Error(`WebGL links no program: ${gl.getProgramInfoLog(program)}`);
  }
  return program;
}

/** The picture, scaled down if the graphics processor does not support a texture of its size. */
function fitting(picture: HTMLImageElement, gl: WebGLRenderingContext): TexImageSource {
  const most = gl.getParameter(gl.MAX_TEXTURE_SIZE) as number;
  const scale = Math.min(1, most / Math.max(picture.naturalWidth, picture.naturalHeight));
  if (scale === 1) return picture;
  const canvas = document.createElement("canvas");
  canvas.width = Math.floor(picture.naturalWidth * scale);
  canvas.height = Math.floor(picture.naturalHeight * scale);
  canvas.getContext("2d")?.drawImage(picture, 0, 0, canvas.width, canvas.height);
  return canvas;
}
