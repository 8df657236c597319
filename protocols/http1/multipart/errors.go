package multipart

import (
	"errors"
	"net/http"
	"syscall"
)

// Error is what is wrong with a form: the status to answer with, and a text for the client.
type Error struct {
	// Status is that of the answer.
	Status int
	// Msg is for the client.
	Msg string
}

// Error is Msg with the package's name.
func (e *Error) Error() string { return "multipart: " + e.Msg }

// CloseReason is the label of the reactor's metrics.
func (e *Error) CloseReason() string { return "multipart" }

// What is wrong with a form. The first are the Parser's.
var (
	// ErrType: the Content-Type is not multipart/form-data.
	ErrType = &Error{http.StatusUnsupportedMediaType, "Content-Type is not multipart/form-data"}
	// ErrBoundary: the boundary is missing, or none (RFC 2046 section 5.1.1).
	ErrBoundary = &Error{http.StatusBadRequest, "bad boundary parameter"}
	// ErrDelimiter: a line begins with the boundary and goes on otherwise than it may.
	ErrDelimiter = &Error{http.StatusBadRequest, "bad boundary line"}
	// ErrHead: a line of a part's head is no field.
	ErrHead = &Error{http.StatusBadRequest, "bad field in the head of a part"}
	// ErrDisposition: a part has no Content-Disposition of form-data with a name, or several (RFC 7578 section 4.2).
	ErrDisposition = &Error{http.StatusBadRequest, "a part needs one Content-Disposition: form-data with a name"}
	// ErrEncoding: a part has a Content-Transfer-Encoding that would have to be decoded (RFC 7578 section 4.7).
	ErrEncoding = &Error{http.StatusBadRequest, "Content-Transfer-Encoding is not taken"}
	// ErrTruncated: the body ends before its last boundary.
	ErrTruncated = &Error{http.StatusBadRequest, "form ends early"}
	// ErrHeadTooLarge: the head of a part is over Limits.MaxHeadBytes or MaxHeadFields.
	ErrHeadTooLarge = &Error{http.StatusRequestEntityTooLarge, "head of a part too large"}
	// ErrTooManyParts: more than Limits.MaxParts.
	ErrTooManyParts = &Error{http.StatusRequestEntityTooLarge, "too many parts"}

	// ErrFieldTooLarge: a value is over Config.MaxFieldBytes, or all are over Config.MaxMemory.
	ErrFieldTooLarge = &Error{http.StatusRequestEntityTooLarge, "field too large"}
	// ErrFileTooLarge: a file is over Config.MaxFileBytes.
	ErrFileTooLarge = &Error{http.StatusRequestEntityTooLarge, "file too large"}
	// ErrTotalTooLarge: all files are over Config.MaxTotalBytes.
	ErrTotalTooLarge = &Error{http.StatusRequestEntityTooLarge, "files too large"}
	// ErrTooManyFiles: more than Config.MaxFiles.
	ErrTooManyFiles = &Error{http.StatusRequestEntityTooLarge, "too many files"}
	// ErrNoFiles: a file came, and Config.Dir is nil.
	ErrNoFiles = &Error{http.StatusBadRequest, "no files are taken"}
	// ErrStorage: the disk, or the quota, is full.
	ErrStorage = &Error{http.StatusInsufficientStorage, "no room to store the upload"}
)

// statusOf is the answer to an error: that of an Error, and 507 or 500 for what the file system says.
func statusOf(err error) (status int, text string) {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e.Status, e.Msg
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, errQuota):
		return ErrStorage.Status, ErrStorage.Msg
	}
	return http.StatusInternalServerError, "upload could not be stored"
}
