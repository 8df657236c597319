package http1

import (
	"mime"
	"net/http"
	"os"
	"path"
	"strings"
)

const octetStream = "application/octet-stream"

// fileTypes are the content types of the Web, so that they do not depend on the machine. Text is UTF-8.
var fileTypes = map[string]string{
	".aac": "audio/aac", ".apng": "image/apng", ".avif": "image/avif", ".bin": octetStream, ".bmp": "image/bmp",
	".bz2": "application/x-bzip2", ".css": "text/css; charset=utf-8", ".csv": "text/csv; charset=utf-8",
	".doc": "application/msword", ".eot": "application/vnd.ms-fontobject", ".epub": "application/epub+zip",
	".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	".flac": "audio/flac", ".gif": "image/gif", ".gz": "application/gzip", ".htm": "text/html; charset=utf-8",
	".html": "text/html; charset=utf-8", ".ico": "image/x-icon", ".ics": "text/calendar; charset=utf-8",
	".iso": octetStream, ".jar": "application/java-archive", ".jpeg": "image/jpeg", ".jpg": "image/jpeg",
	".js": "text/javascript; charset=utf-8", ".json": "application/json", ".jsonld": "application/ld+json", ".jxl": "image/jxl",
	".m3u8": "application/vnd.apple.mpegurl", ".m4a": "audio/mp4", ".m4v": "video/mp4", ".map": "application/json",
	".md": "text/markdown; charset=utf-8", ".mjs": "text/javascript; charset=utf-8", ".mkv": "video/matroska",
	".mov": "video/quicktime", ".mp3": "audio/mpeg", ".mp4": "video/mp4", ".mpd": "application/dash+xml",
	".odp": "application/vnd.oasis.opendocument.presentation", ".ods": "application/vnd.oasis.opendocument.spreadsheet",
	".odt": "application/vnd.oasis.opendocument.text", ".oga": "audio/ogg", ".ogg": "audio/ogg", ".ogv": "video/ogg",
	".opus": "audio/ogg", ".otf": "font/otf", ".pdf": "application/pdf", ".png": "image/png", ".ppt": "application/vnd.ms-powerpoint",
	".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation", ".rss": "application/rss+xml",
	".rtf": "application/rtf", ".svg": "image/svg+xml", ".tar": "application/x-tar", ".tif": "image/tiff", ".tiff": "image/tiff",
	".ts": "video/mp2t", ".ttf": "font/ttf", ".txt": "text/plain; charset=utf-8", ".vtt": "text/vtt; charset=utf-8",
	".wasm": "application/wasm", ".wav": "audio/wav", ".weba": "audio/webm", ".webm": "video/webm",
	".webmanifest": "application/manifest+json", ".webp": "image/webp", ".woff": "font/woff", ".woff2": "font/woff2",
	".xhtml": "application/xhtml+xml", ".xls": "application/vnd.ms-excel",
	".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", ".xml": "text/xml; charset=utf-8",
	".xz": "application/x-xz", ".yaml": "application/yaml", ".yml": "application/yaml", ".zip": "application/zip",
	".zst": "application/zstd", ".7z": "application/x-7z-compressed", ".br": octetStream,
}

// typeOf is the content type of a file: by its extension, or, if that says nothing and Sniff is set, by its first bytes. For
// workers: the system's table may have to be read, for extensions that ours does not have.
func (s *FileServer) typeOf(name string, f *os.File) string {
	ext := strings.ToLower(path.Ext(name))
	if t, ok := s.cfg.Types[ext]; ok {
		return t
	}
	if t, ok := fileTypes[ext]; ok {
		return t
	}
	if t := mime.TypeByExtension(ext); t != "" {
		return t
	}
	if s.cfg.Sniff {
		var b [512]byte
		n, _ := f.ReadAt(b[:], 0)
		return http.DetectContentType(b[:n])
	}
	return octetStream
}
