/* A small wrapper of LibRaw. The fields that it sets and reads differ between versions, so it is written in C and uses
 * the headers of the build; the shared library is opened by that version's number on first use.
 * Promises: no threads, no files, nothing on standard error; the library reads only the bytes that it is given. */

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <libraw/libraw.h>

#define WORD_OF(number) #number
#define WORD(number) WORD_OF(number)
#define LIBRARY "libraw_r.so." WORD(LIBRAW_SHLIB_CURRENT)

/* LibRaw's numbers for sRGB, and for interpolation by PPG. */
#define OUTPUT_SRGB 1
#define QUALITY_PPG 2
/* Bytes per sample of the unpacked picture. */
#define SAMPLE_BYTES 2

#if LIBRAW_COMPILE_CHECK_VERSION_NOTLESS(0, 21)
typedef const INT64 data_offset;
#else
typedef const int data_offset;
#endif

#define FUNCTIONS(each) \
  each(libraw_init) each(libraw_open_buffer) each(libraw_unpack) each(libraw_recycle_datastream) \
  each(libraw_dcraw_process) each(libraw_dcraw_make_mem_image) each(libraw_dcraw_clear_mem) \
  each(libraw_close) each(libraw_set_dataerror_handler) each(libraw_cameraList)

/* Each has the type of LibRaw's header. */
#define DECLARE(name) static __typeof__(name) *call_##name;
FUNCTIONS(DECLARE)
/* OpenMP's, if LibRaw is built with it. */
static void (*set_threads)(int);

/* The result of a call. */
enum {
  ALBUMEN_RAW_DONE = 0,
  /* LibRaw does not support the camera or coding. */
  ALBUMEN_RAW_UNKNOWN = 1,
  ALBUMEN_RAW_DAMAGED = 2,
  ALBUMEN_RAW_NO_MEMORY = 3,
};

typedef struct {
  libraw_data_t *data;
  libraw_processed_image_t *picture;
  /* 1 if bytes of the sensor's data were missing or invalid. */
  int32_t damaged;
} albumen_raw;

/* The properties of a picture before it is unpacked. */
typedef struct {
  /* In pixels, before turning. */
  uint32_t width, height;
  /* Bytes of the unpacked sensor data. */
  uint64_t unpacked_bytes;
  /* Pixels of the picture with a margin for what LibRaw adds at its borders. */
  uint64_t pixels;
  /* 1: a mosaic, of which a picture of half the width and height can be made. */
  int32_t mosaic;
  /* 1: a second picture is made after interpolation (turned by 45 degrees, or stretched). */
  int32_t moved;
  /* 1: the file is read again during development. */
  int32_t needs_bytes;
} albumen_raw_header;

/* The picture: interleaved samples of 8 bits, rows without padding. */
typedef struct {
  const uint8_t *samples;
  uint32_t width, height, channels;
  int32_t damaged;
} albumen_raw_picture;

/* Opens the library. NULL, or the loader's error message. */
const char *albumen_raw_load(void) {
  void *library = dlopen(LIBRARY, RTLD_LAZY | RTLD_LOCAL);
  if (!library) return dlerror();
#define FIND(name) \
  if (!(call_##name = (__typeof__(call_##name))dlsym(library, #name))) return dlerror();
  FUNCTIONS(FIND)
  set_threads = (void (*)(int))dlsym(library, "omp_set_num_threads");
  return NULL;
}

/* LibRaw's data_callback: LibRaw continues with the available data. */
static void note_damage(void *context, const char *file, data_offset offset) {
  (void)file;
  (void)offset;
  ((albumen_raw *)context)->damaged = 1;
}

static int32_t outcome(int error) {
  switch (error) {
    case LIBRAW_SUCCESS:
      return ALBUMEN_RAW_DONE;
    case LIBRAW_FILE_UNSUPPORTED:
    case LIBRAW_REQUEST_FOR_NONEXISTENT_IMAGE:
    case LIBRAW_NOT_IMPLEMENTED:
      return ALBUMEN_RAW_UNKNOWN;
    case LIBRAW_UNSUFFICIENT_MEMORY:
    case LIBRAW_TOO_BIG:
      return ALBUMEN_RAW_NO_MEMORY;
    default:
      return ALBUMEN_RAW_DAMAGED;
  }
}

void albumen_raw_close(albumen_raw *raw) {
  if (raw->picture) call_libraw_dcraw_clear_mem(raw->picture);
  if (raw->data) call_libraw_close(raw->data);
  free(raw);
}

/* NULL if memory is exhausted. */
albumen_raw *albumen_raw_new(void) {
  /* For this thread; else loops would use new threads. */
  if (set_threads) set_threads(1);
  albumen_raw *raw = calloc(1, sizeof *raw);
  if (!raw) return NULL;
  raw->data = call_libraw_init(LIBRAW_OPTIONS_NONE);
  if (!raw->data) {
    free(raw);
    return NULL;
  }
  call_libraw_set_dataerror_handler(raw->data, note_damage, raw);
  libraw_output_params_t *set = &raw->data->params;
  set->use_camera_wb = 1;
  set->output_color = OUTPUT_SRGB;
  set->output_bps = 8;
  set->user_qual = QUALITY_PPG;
  /* The picture is turned elsewhere, by its facts. */
  set->user_flip = 0;
#if !LIBRAW_COMPILE_CHECK_VERSION_NOTLESS(0, 21)
  set->raw_processing_options |= LIBRAW_PROCESSING_USE_DNG_DEFAULT_CROP;
#endif
  return raw;
}

/* Whether LibRaw has refused a file of a supported camera, or one that does not state its camera. */
static int is_cut_off(const libraw_data_t *data) {
  char camera[sizeof data->idata.make + sizeof data->idata.model];
  if (!data->idata.make[0]) return 1;
  snprintf(camera, sizeof camera, "%s %s", data->idata.make, data->idata.model);
  for (const char **known = call_libraw_cameraList(); *known; known++) {
    if (!strcmp(*known, camera)) return 1;
  }
  return 0;
}

/* Reads the file's directories. `bytes` must stay valid at least until albumen_raw_unpack. */
int32_t albumen_raw_open(albumen_raw *raw, const uint8_t *bytes, size_t len, albumen_raw_header *header) {
  libraw_data_t *data = raw->data;
  /* The buffer is only read. */
  int error = call_libraw_open_buffer(data, (void *)bytes, len);
  if (error == LIBRAW_FILE_UNSUPPORTED && is_cut_off(data)) return ALBUMEN_RAW_DAMAGED;
  if (error) return outcome(error);
  const libraw_image_sizes_t *sizes = &data->sizes;
  if (!sizes->width || !sizes->height || !sizes->raw_width || !sizes->raw_height) return ALBUMEN_RAW_UNKNOWN;
  header->mosaic = data->idata.filters != 0;
  int single = header->mosaic || data->idata.colors == 1;
  /* Rows beyond the last one that some decoders write to. */
  uint64_t rows = (uint64_t)sizes->raw_height + 8;
  header->unpacked_bytes = sizes->raw_width * rows * SAMPLE_BYTES * (single ? 1 : 4);
  header->pixels = ((uint64_t)sizes->width + 8) * (sizes->height + 8);
  /* Phase One's corrections. */
  header->needs_bytes = data->color.phase_one_data.format != 0;
  header->moved = data->rawdata.ioparams.fuji_width != 0 || sizes->pixel_aspect != 1.0;
  header->width = sizes->width;
  header->height = sizes->height;
  return ALBUMEN_RAW_DONE;
}

/* Unpacks the sensor's data. Unless the header's `needs_bytes` is set, the file's bytes may be freed afterwards. */
int32_t albumen_raw_unpack(albumen_raw *raw, const albumen_raw_header *header) {
  int error = call_libraw_unpack(raw->data);
  if (error) return outcome(error);
  if (!header->needs_bytes) call_libraw_recycle_datastream(raw->data);
  return ALBUMEN_RAW_DONE;
}

/* Develops the picture, which lives as long as `raw`: at half the width and height, or whole. */
int32_t albumen_raw_develop(albumen_raw *raw, int32_t half_size, albumen_raw_picture *picture) {
  raw->data->params.half_size = half_size;
  int error = call_libraw_dcraw_process(raw->data);
  if (!error) raw->picture = call_libraw_dcraw_make_mem_image(raw->data, &error);
  if (error) return outcome(error);
  if (!raw->picture) return ALBUMEN_RAW_NO_MEMORY;
  /* Including its input. */
  call_libraw_close(raw->data);
  raw->data = NULL;
  const libraw_processed_image_t *made = raw->picture;
  uint64_t len = (uint64_t)made->width * made->height * made->colors;
  int shown = made->type == LIBRAW_IMAGE_BITMAP && made->bits == 8 && (made->colors == 1 || made->colors == 3);
  if (!shown || !len || made->data_size < len) return ALBUMEN_RAW_UNKNOWN;
  picture->samples = made->data;
  picture->width = made->width;
  picture->height = made->height;
  picture->channels = made->colors;
  picture->damaged = raw->damaged;
  return ALBUMEN_RAW_DONE;
}
